import { field, fieldText, fieldValue, joined, time, type Part } from '../extract.js';
import { handshake, json } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { shortHash } from '../items.js';
import { type SourceResponse } from '../reception.js';
import { type Sender } from '../sender.js';

/** Discord wants a content type even with an empty answer. */
const noContent: SourceResponse = { status: 204, headers: { 'content-type': 'application/json' }, body: '' };

export const discord: Sender = {
  name: 'discord',
  title: 'Discord (webhook events, interactions)',
  documentation: 'https://docs.discord.com/developers/events/webhook-events',
  schemes: {
    discord: {
      kind: 'signature',
      header: 'x-signature-ed25519',
      forms: [{ prefix: '', encoding: 'hex', algorithm: 'ed25519', key: 'ed25519-hex' }],
      signed: ['timestamp', 'body'],
      timestamp: { from: { header: 'x-signature-timestamp' }, unit: 's', toleranceSeconds: 300 },
    },
  },
  verified: [
    {
      methods: ['POST'],
      describes: 'interaction `{"type":1}` → 200 `{"type":1}`; webhook event `{"type":0}` → 204; both signed',
      answer: (request) => {
        const isEvent = fieldText(request.document, 'version') !== undefined;
        const type = fieldText(request.document, 'type');
        if (isEvent) return type === '0' ? handshake(noContent) : undefined;
        return type === '1' ? handshake(json({ type: 1 })) : undefined;
      },
    },
  ],
  event: {
    type: (part) => field('event/type')(part) ?? (isInteraction(part.request) ? 'interaction' : undefined),
    id: (part: Part) => (isInteraction(part.request) ? field('id')(part) : undefined),
    composite: joined(':', field('event/type'), field('event/timestamp'), shortHash),
    time: time(withZone, 'iso'),
    subject: field('guild_id'),
    hashSeconds: 0,
  },
  // An interaction waits for a reply within 3 s: "deferred" lets whoever subscribes answer later through the API.
  response: (request) => (isInteraction(request) ? json({ type: 5 }) : noContent),
  // Discord probes with bad signatures and removes an endpoint that answers anything else.
  refuseWith: 401,
  answerWithin: 3,
  retries: 'up to 10 min with growing gaps',
};

function isInteraction(request: Inbound): boolean {
  return fieldValue(request.document, 'event') === undefined && fieldText(request.document, 'token') !== undefined;
}

/** `2026-11-18T11:06:40.000000`, in UTC without saying so. */
function withZone(part: Part): string | undefined {
  const text = field('event/timestamp')(part);
  return text === undefined || /[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`;
}
