import { field, header, time } from '../extract.js';
import { standardWebhooksScheme } from '../schemes.js';
import { type Sender } from '../sender.js';

/** Any sender that follows the specification; senders that rename the headers' prefix have `svix`. */
export const standardWebhooks: Sender = {
  name: 'standard-webhooks',
  title: 'Standard Webhooks (any sender)',
  documentation: 'https://www.standardwebhooks.com/',
  schemes: { 'standard-webhooks': standardWebhooksScheme(['webhook-'], true) },
  event: {
    type: field('type'),
    id: header('webhook-id'),
    time: time(field('timestamp'), 'iso'),
  },
  answerWithin: 15,
  retries: '9 within about 75 h',
};
