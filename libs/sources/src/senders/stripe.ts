import { field, fieldText, time } from '../extract.js';
import { ping } from '../handshakes.js';
import { type Sender } from '../sender.js';

export const stripe: Sender = {
  name: 'stripe',
  title: 'Stripe',
  documentation: 'https://docs.stripe.com/webhooks/signature',
  schemes: {
    stripe: {
      kind: 'signature',
      header: 'stripe-signature',
      separator: ',',
      // The whole text of the endpoint secret is the key, `whsec_` included. `v0` is a scheme for tests and no signature.
      forms: [{ prefix: 'v1=', encoding: 'hex', algorithm: 'hmac-sha256', key: 'text' }],
      signed: ['timestamp', { text: '.' }, 'body'],
      timestamp: { from: { field: 't' }, unit: 's', toleranceSeconds: 300 },
    },
  },
  verified: [
    ping(
      'event `evt_00000000000000` (a test of old dashboards) → 200, nothing published',
      (request) => fieldText(request.document, 'id') === 'evt_00000000000000',
    ),
  ],
  event: {
    type: field('type'),
    id: field('id'),
    time: time(field('created'), 's'),
    subject: field('data/object/id'),
  },
  retries: 'for 3 days with growing gaps',
};
