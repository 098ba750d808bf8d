import { envelope, extended, field, joined, time } from '../extract.js';
import { shortHash } from '../items.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const pusher: Sender = {
  name: 'pusher',
  title: 'Pusher Channels',
  documentation: 'https://pusher.com/docs/channels/server_api/webhooks/',
  schemes: {
    pusher: hmac({
      header: 'x-pusher-signature',
      encoding: 'hex',
      keyId: { header: 'x-pusher-key', param: 'key' },
    }),
  },
  params: {
    key: { describes: 'the app key; several, comma-separated, belong to the secrets in their order', required: true },
  },
  batch: 'events',
  event: {
    type: field('name'),
    composite: extended(
      ':',
      joined(':', envelope('time_ms'), field('name'), field('channel'), shortHash),
      field('user_id'),
    ),
    time: time(envelope('time_ms'), 'ms'),
    subject: field('channel'),
    hashSeconds: 0,
  },
  answerWithin: 4,
  retries: 'with growing gaps for 5 min',
};
