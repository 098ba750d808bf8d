import { formField, joined, type Part } from '../extract.js';
import { empty, handshake } from '../handshakes.js';
import { codeQuery } from '../schemes.js';
import { type Sender } from '../sender.js';

export const mailchimp: Sender = {
  name: 'mailchimp',
  title: 'Mailchimp (marketing)',
  documentation: 'https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/',
  schemes: { 'code-query': codeQuery },
  verified: [
    {
      methods: ['GET', 'HEAD'],
      describes: '`GET` or `HEAD` with the right code → 200',
      answer: () => handshake(empty(200)),
    },
  ],
  event: {
    type: formField('type'),
    composite: joined(':', formField('type'), formField('fired_at'), formField('data[id]'), formField('data[list_id]')),
    time: firedAt,
    subject: formField('data[list_id]'),
  },
  answerWithin: 10,
  retries: 'at growing gaps for 75 min',
};

/** `2026-11-18 11:06:40`, in GMT without saying so. */
function firedAt(part: Part): Date | undefined {
  const text = formField('fired_at')(part);
  const at = text !== undefined && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? Date.parse(`${text}Z`) : NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}
