import { field, header } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const gogs: Sender = {
  name: 'gogs',
  title: 'Gogs',
  documentation: 'https://gogs.io/docs/features/webhook',
  schemes: { gogs: hmac({ header: 'x-gogs-signature', encoding: 'hex' }) },
  event: {
    type: header('x-gogs-event'),
    id: header('x-gogs-delivery'),
    subject: field('repository/full_name'),
  },
  answerWithin: 5,
  retries: 'none',
};
