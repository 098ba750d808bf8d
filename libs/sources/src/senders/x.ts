import { createHmac } from 'node:crypto';
import { field, type Part } from '../extract.js';
import { handshake, json } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { refused, type Handshake, type Refused, type SourceConfig } from '../reception.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

/**
 * The answer to a CRC is the same keyed hash as a signature, and anybody may ask for one. Tokens are therefore limited to
 * an alphabet without braces, and a delivery that is such a token is refused: no answer can pass for its signature.
 */
const crcToken = /^[A-Za-z0-9_=+/-]{1,256}$/;

export const x: Sender = {
  name: 'x',
  title: 'X (Twitter) account activity',
  documentation: 'https://docs.x.com/x-api/webhooks/quickstart',
  schemes: { 'x-twitter': hmac({ header: 'x-twitter-webhooks-signature', prefix: 'sha256=', encoding: 'base64' }) },
  unsigned: [
    {
      methods: ['GET'],
      describes: '`GET ?crc_token=…` → 200 with `response_token` = base64 HMAC-SHA256; tokens of a safe alphabet only',
      answer: answerCrc,
    },
  ],
  check: (request) => (crcToken.test(request.body.toString('latin1')) ? refused('malformed-body') : undefined),
  event: { type: firstActivity, subject: field('for_user_id'), hashSeconds: 0 },
  answerWithin: 3,
  retries: '3 within 5 min',
};

function answerCrc(request: Inbound, source: SourceConfig): Handshake | Refused {
  const token = request.queryText('crc_token') ?? '';
  if (!crcToken.test(token)) return refused('challenge');
  const secret = source.secrets.find((candidate) => candidate !== '');
  if (secret === undefined) return refused('no-secret');
  const digest = createHmac('sha256', secret).update(token).digest('base64');
  return handshake(json({ response_token: `sha256=${digest}` }));
}

/** The one member that is an event list: `tweet_create_events`, `follow_events` … */
function firstActivity({ value }: Part): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.keys(value).find((name) => name.endsWith('_events') || name.endsWith('_event'));
}
