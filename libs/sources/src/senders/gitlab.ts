import { field, firstOf, header } from '../extract.js';
import { standardWebhooksScheme } from '../schemes.js';
import { type Sender } from '../sender.js';

/** `X-Gitlab-Event-UUID` is shared by hooks that trigger one another: it is no delivery id. */
export const gitlab: Sender = {
  name: 'gitlab',
  title: 'GitLab',
  documentation: 'https://docs.gitlab.com/user/project/integrations/webhooks/',
  schemes: {
    'gitlab-token': { kind: 'token', from: 'header', name: 'x-gitlab-token' },
    'gitlab-signing-token': standardWebhooksScheme(['webhook-'], false),
  },
  event: {
    type: firstOf(header('x-gitlab-event'), field('object_kind'), field('event_name')),
    id: firstOf(header('idempotency-key'), header('webhook-id')),
    subject: field('project/path_with_namespace'),
  },
  answerWithin: 10,
  retries: 'paused after 4 failures (1 min to 24 h), off after 40',
};
