import { sameSecret } from '../encoding.js';
import { envelope, field, firstOf, joined, time, type Extract } from '../extract.js';
import { echo } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { refused, type Handshake, type Refused, type SourceConfig } from '../reception.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

const messaging: Extract = (part) => (field('messaging/0/sender/id')(part) === undefined ? undefined : 'messaging');
const changed = firstOf(field('changes/0/field'), messaging, field('changed_fields/0'));

/** Facebook, WhatsApp, Messenger, Threads, Instagram: one entry of the batch is one event. */
export const meta: Sender = {
  name: 'meta',
  title: 'Meta Graph (Facebook, WhatsApp, Messenger, Threads)',
  documentation: 'https://developers.facebook.com/docs/graph-api/webhooks/getting-started',
  schemes: {
    'meta-sha256': hmac({ header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' }),
    'meta-sha1': hmac({ header: 'x-hub-signature', prefix: 'sha1=', encoding: 'hex', algorithm: 'hmac-sha1' }),
  },
  params: { verifyToken: { describes: 'the verify token entered in the app dashboard', required: true } },
  unsigned: [
    {
      methods: ['GET'],
      describes: '`GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…` → 200 with the challenge, else 403',
      answer: verifyIntent,
    },
  ],
  batch: 'entry',
  event: {
    type: firstOf(joined('.', envelope('object'), changed), envelope('object')),
    // Entries of messages count milliseconds, the others seconds.
    time: (part) => time(field('time'), messaging(part) === undefined ? 's' : 'ms')(part),
    subject: field('id'),
    hashSeconds: 0,
  },
  answerWithin: 5,
  retries: 'at once, then with growing gaps for 36 h (WhatsApp up to 7 days)',
};

function verifyIntent(request: Inbound, source: SourceConfig): Handshake | Refused {
  const ours = source.params?.['verifyToken'];
  const theirs = request.queryText('hub.verify_token');
  if (ours === undefined || ours === '' || theirs === undefined) return refused('verify-token');
  if (request.queryText('hub.mode') !== 'subscribe' || !sameSecret(ours, theirs)) return refused('verify-token');
  return echo(request.queryText('hub.challenge'));
}
