import { field, time } from '../extract.js';
import { type Sender } from '../sender.js';

export const sendgrid: Sender = {
  name: 'sendgrid',
  title: 'SendGrid (event webhook)',
  documentation:
    'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
  schemes: {
    sendgrid: {
      kind: 'signature',
      header: 'x-twilio-email-event-webhook-signature',
      forms: [{ prefix: '', encoding: 'base64', algorithm: 'ecdsa-p256-sha256', key: 'spki' }],
      signed: ['timestamp', 'body'],
      // No tolerance: it is not documented whether a retry, up to 24 h later, is signed anew.
      timestamp: { from: { header: 'x-twilio-email-event-webhook-timestamp' }, unit: 's' },
    },
  },
  batch: '',
  event: {
    type: field('event'),
    id: field('sg_event_id'),
    time: time(field('timestamp'), 's'),
    subject: field('email'),
  },
  retries: 'with growing gaps for 24 h',
};
