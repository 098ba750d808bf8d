import { extended, field, header, time } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const linear: Sender = {
  name: 'linear',
  title: 'Linear',
  documentation: 'https://linear.app/developers/webhooks',
  schemes: {
    linear: hmac({
      header: 'linear-signature',
      encoding: 'hex',
      // The time inside the signed body counts; the header of that name is not signed.
      timestamp: { from: { json: 'webhookTimestamp' }, unit: 'ms', toleranceSeconds: 60 },
    }),
  },
  event: {
    type: extended('.', field('type'), field('action')),
    id: header('linear-delivery'),
    time: time(field('createdAt'), 'iso'),
    subject: field('data/id'),
  },
  response: () => ({ status: 200, headers: {}, body: '' }),
  answerWithin: 5,
  retries: 'after 1 min, 1 h, 6 h',
};
