import { firstOf, header, time } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/** One header out of the two families: `shopify-…` is the newer one. */
const either = (name: string) => firstOf(header(`shopify-${name}`), header(`x-shopify-${name}`));

export const shopify: Sender = {
  name: 'shopify',
  title: 'Shopify',
  documentation: 'https://shopify.dev/docs/apps/build/webhooks/subscribe/https',
  schemes: {
    shopify: hmac({ header: '*hmac-sha256', families: ['shopify-', 'x-shopify-'], encoding: 'base64' }),
  },
  event: {
    type: either('topic'),
    id: firstOf(either('event-id'), either('webhook-id')),
    // One merchant action has one event id for all topics it touches; without the topic the second would be lost.
    within: either('topic'),
    time: time(either('triggered-at'), 'iso'),
    subject: either('shop-domain'),
  },
  answerWithin: 5,
  retries: '8 within 4 h',
};
