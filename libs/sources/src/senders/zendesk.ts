import { field, header, time } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const zendesk: Sender = {
  name: 'zendesk',
  title: 'Zendesk',
  documentation: 'https://developer.zendesk.com/documentation/webhooks/verifying/',
  schemes: {
    zendesk: hmac({
      header: 'x-zendesk-webhook-signature',
      encoding: 'base64',
      signed: ['timestamp', 'body'],
      timestamp: {
        from: { header: 'x-zendesk-webhook-signature-timestamp' },
        unit: 'iso',
        toleranceSeconds: 300,
      },
    }),
  },
  methods: ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'],
  event: {
    type: field('type'),
    id: header('x-zendesk-webhook-invocation-id'),
    time: time(field('time'), 'iso'),
    subject: field('subject'),
  },
  retries: 'up to 3 on 409 and timeouts',
};
