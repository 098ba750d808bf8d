import { createHmac } from 'node:crypto';
import { field, fieldText, firstOf, joined, time } from '../extract.js';
import { handshake, json } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { refused, type Handshake, type Refused, type SourceConfig } from '../reception.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';
import { verifySignature } from '../verify-signature.js';

const scheme = hmac({
  header: 'x-zm-signature',
  prefix: 'v0=',
  encoding: 'hex',
  signed: [{ text: 'v0:' }, 'timestamp', { text: ':' }, 'body'],
  timestamp: { from: { header: 'x-zm-request-timestamp' }, unit: 's', toleranceSeconds: 300 },
});

export const zoom: Sender = {
  name: 'zoom',
  title: 'Zoom',
  documentation: 'https://developers.zoom.us/docs/api/webhooks/',
  schemes: { zoom: scheme },
  // Only once verified: the answer is the same keyed hash as a signature, so an open one would sign whatever it is given.
  verified: [
    {
      methods: ['POST'],
      describes: '`endpoint.url_validation`, signed → 200 with `encryptedToken` = hex HMAC-SHA256 of `plainToken`',
      answer: validateUrl,
    },
  ],
  event: {
    type: field('event'),
    composite: joined(
      ':',
      field('event'),
      field('event_ts'),
      firstOf(field('payload/object/uuid'), field('payload/object/id')),
    ),
    time: time(field('event_ts'), 'ms'),
    subject: firstOf(field('payload/object/id'), field('payload/account_id')),
    hashSeconds: 0,
  },
  answerWithin: 3,
  retries: 'after 5, 20, 60 min',
};

function validateUrl(request: Inbound, source: SourceConfig, now: Date): Handshake | Refused | undefined {
  if (fieldText(request.document, 'event') !== 'endpoint.url_validation') return undefined;
  const plainToken = fieldText(request.document, 'payload/plainToken');
  // While secrets rotate, the answer has to use the one that signed the question.
  const secret = source.secrets.find(
    (candidate) => verifySignature(scheme, request, { ...source, secrets: [candidate] }, now) === undefined,
  );
  if (plainToken === undefined || secret === undefined) return refused('challenge');
  const encryptedToken = createHmac('sha256', secret).update(plainToken).digest('hex');
  return handshake(json({ plainToken, encryptedToken }));
}
