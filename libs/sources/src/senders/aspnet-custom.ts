import { envelope, field, joined } from '../extract.js';
import { echoQuery } from '../handshakes.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/** Services that send with ASP.NET WebHooks: one firing carries several notifications, retries keep its id. */
export const aspnetCustom: Sender = {
  name: 'aspnet-custom',
  title: 'ASP.NET WebHooks senders',
  documentation: 'https://learn.microsoft.com/aspnet/webhooks/sending/',
  schemes: { 'aspnet-custom': hmac({ header: 'ms-signature', prefix: 'sha256=', encoding: 'hex' }) },
  unsigned: [echoQuery('echo')],
  batch: 'Notifications',
  event: {
    type: field('Action'),
    id: joined(':', envelope('Id'), ({ index }) => String(index)),
  },
  retries: '2: after 1 and 4 min',
};
