import { field, joined, time } from '../extract.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

const plainHash = { header: 'x-hubspot-signature', encoding: 'hex', algorithm: 'sha256' } as const;

export const hubspot: Sender = {
  name: 'hubspot',
  title: 'HubSpot',
  documentation: 'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
  schemes: {
    'hubspot-v3': hmac({
      header: 'x-hubspot-signature-v3',
      encoding: 'base64',
      signed: ['method', 'url-with-query', 'body', 'timestamp'],
      urlSpellings: (url) => [url, withReadableEscapes(url)],
      timestamp: { from: { header: 'x-hubspot-request-timestamp' }, unit: 'ms', toleranceSeconds: 300 },
    }),
    'hubspot-v2': hmac({ ...plainHash, signed: ['secret', 'method', 'url-with-query', 'body'] }),
    'hubspot-v1': hmac({ ...plainHash, signed: ['secret', 'body'] }),
  },
  methods: ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
  batch: '',
  event: {
    type: field('subscriptionType'),
    composite: joined(':', field('eventId'), field('subscriptionId'), field('occurredAt')),
    time: time(field('occurredAt'), 'ms'),
    subject: field('objectId'),
  },
  answerWithin: 5,
  retries: 'up to 10 within 24 h',
};

/** HubSpot's documentation decodes these escapes of the URL before signing; its libraries do not. */
function withReadableEscapes(url: string): string {
  return url.replaceAll(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, decodeURIComponent);
}
