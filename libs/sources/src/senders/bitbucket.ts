import { field, firstOf, header } from '../extract.js';
import { ping } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/** The header without suffix, yet with SHA-256: not GitHub's. */
const signature = hmac({ header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' });

export const bitbucket: Sender = {
  name: 'bitbucket',
  title: 'Bitbucket Cloud and Data Center',
  documentation: 'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
  schemes: { 'bitbucket-cloud': signature, 'bitbucket-server': signature },
  verified: [
    ping(
      'event `diagnostics:ping` → 200, nothing published',
      (r) => r.headerText('x-event-key') === 'diagnostics:ping',
    ),
  ],
  event: {
    type: header('x-event-key'),
    id: firstOf(header('x-request-uuid'), header('x-request-id')),
    subject: firstOf(field('repository/full_name'), field('repository/slug')),
  },
  answerWithin: 10,
  retries: '2 more on 5xx',
};
