import { field, time } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const square: Sender = {
  name: 'square',
  title: 'Square',
  documentation: 'https://developer.squareup.com/docs/webhooks/step3validate',
  schemes: { square: hmac({ header: 'x-square-hmacsha256-signature', encoding: 'base64', signed: ['url', 'body'] }) },
  event: {
    type: field('type'),
    id: field('event_id'),
    time: time(field('created_at'), 'iso'),
    subject: field('data/id'),
  },
  retries: 'for 24 h with growing gaps',
};
