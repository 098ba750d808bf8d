import { extended, field, header } from '../extract.js';
import { ping } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const github: Sender = {
  name: 'github',
  title: 'GitHub',
  documentation: 'https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries',
  schemes: {
    'github-sha256': hmac({ header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' }),
    'github-sha1': hmac({ header: 'x-hub-signature', prefix: 'sha1=', encoding: 'hex', algorithm: 'hmac-sha1' }),
  },
  verified: [ping('event `ping` → 200, nothing published', (r) => r.headerText('x-github-event') === 'ping')],
  event: {
    type: extended('.', header('x-github-event'), field('action')),
    id: header('x-github-delivery'),
    subject: field('repository/full_name'),
  },
  answerWithin: 10,
  retries: 'none; a manual redelivery keeps the delivery id',
};
