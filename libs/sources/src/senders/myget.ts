import { field, fieldText, firstOf, header, time } from '../extract.js';
import { ping } from '../handshakes.js';
import { codeQuery } from '../schemes.js';
import { type Sender } from '../sender.js';

export const myget: Sender = {
  name: 'myget',
  title: 'MyGet',
  documentation: 'https://docs.myget.org/docs/reference/webhooks',
  schemes: { 'code-query': codeQuery },
  verified: [
    ping(
      '`PingWebHookEventPayloadV1` → 200, nothing published',
      (request) => fieldText(request.document, 'PayloadType') === 'PingWebHookEventPayloadV1',
    ),
  ],
  event: {
    type: field('PayloadType'),
    id: firstOf(header('x-myget-eventidentifier'), field('Identifier')),
    time: time(field('When'), 'iso'),
    subject: field('Payload/PackageIdentifier'),
  },
  retries: 'not documented',
};
