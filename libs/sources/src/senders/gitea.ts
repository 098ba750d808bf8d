import { field, header } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

export const gitea: Sender = {
  name: 'gitea',
  title: 'Gitea and Forgejo',
  documentation: 'https://docs.gitea.com/usage/webhooks',
  schemes: { gitea: hmac({ header: 'x-gitea-signature', encoding: 'hex' }) },
  event: {
    type: header('x-gitea-event'),
    id: header('x-gitea-delivery'),
    subject: field('repository/full_name'),
  },
  answerWithin: 5,
  retries: 'none',
};
