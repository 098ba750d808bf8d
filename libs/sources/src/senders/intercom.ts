import { field, fieldText, time } from '../extract.js';
import { headProbe, ping } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const intercom: Sender = {
  name: 'intercom',
  title: 'Intercom',
  documentation: 'https://developers.intercom.com/docs/webhooks/webhook-notifications',
  schemes: {
    intercom: hmac({ header: 'x-hub-signature', prefix: 'sha1=', encoding: 'hex', algorithm: 'hmac-sha1' }),
  },
  unsigned: [headProbe],
  verified: [
    ping('topic `ping` → 200, nothing published', (request) => fieldText(request.document, 'topic') === 'ping'),
  ],
  event: {
    type: field('topic'),
    id: field('id'),
    time: time(field('created_at'), 's'),
    subject: field('data/item/id'),
  },
  answerWithin: 5,
  retries: '1; endpoints slower than 0.5 s get a lower priority',
};
