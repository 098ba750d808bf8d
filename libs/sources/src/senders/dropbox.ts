import { constant } from '../extract.js';
import { echoQuery } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/** Says which accounts changed, not what: equal bodies soon after one another are one event, later they are not. */
export const dropbox: Sender = {
  name: 'dropbox',
  title: 'Dropbox',
  documentation: 'https://www.dropbox.com/developers/reference/webhooks',
  schemes: { dropbox: hmac({ header: 'x-dropbox-signature', encoding: 'hex' }) },
  unsigned: [echoQuery('challenge')],
  event: { type: constant('change'), hashSeconds: 10 },
  answerWithin: 10,
  retries: 'with growing gaps for about 10 min',
};
