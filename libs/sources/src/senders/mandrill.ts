import { createHmac } from 'node:crypto';
import { callbackUrl } from '../callback-url.js';
import { decodeCanonical, sameBytes } from '../encoding.js';
import { field, firstOf, joined, time } from '../extract.js';
import { empty, handshake, headProbe } from '../handshakes.js';
import { isPlainForm, parseForm, parseJson, type Inbound } from '../inbound.js';
import { jsonPart } from '../items.js';
import { sliceElements } from '../json-elements.js';
import { refused, type Handshake, type RawRequest, type Refused, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { secretsOf } from '../settings.js';

/** Mandrill signs its first probe with this, before a key of the webhook's own exists. It opens nothing else. */
const probeKey = 'test-webhook';

const scheme: CodeScheme = {
  kind: 'code',
  needs: ['secrets', 'callbackUrl'],
  describes:
    '`X-Mandrill-Signature`: base64 HMAC-SHA1 over the callback URL and every form field, sorted, key then value',
  verify: (request, source) => {
    const secrets = secretsOf(source);
    if (isProbe(request)) return check(request, source, [...secrets, probeKey]);
    return secrets.length === 0 ? refused('no-secret') : check(request, source, secrets);
  },
  sign: withSignature,
};

export const mandrill: Sender = {
  name: 'mandrill',
  title: 'Mandrill (Mailchimp Transactional)',
  documentation: 'https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/',
  schemes: { mandrill: scheme },
  unsigned: [headProbe],
  verified: [
    {
      methods: ['POST'],
      describes: '`POST mandrill_events=[]` signed with the key `test-webhook` → 200, nothing published',
      answer: (request): Handshake | undefined => (isProbe(request) ? handshake(empty(200)) : undefined),
    },
  ],
  split: (request) => {
    const events = Buffer.from(request.formText('mandrill_events') ?? '');
    if (parseJson(events) === undefined) return undefined;
    return sliceElements(events, [])?.map((data, index) => jsonPart(request, data, index));
  },
  event: {
    type: firstOf(field('event'), joined('.', field('type'), field('action')), field('type')),
    composite: joined(':', firstOf(field('event'), field('type')), field('_id'), field('ts')),
    time: time(field('ts'), 's'),
    subject: field('msg/email'),
  },
  retries: 'not documented',
};

function isProbe(request: Inbound): boolean {
  return request.formText('mandrill_events') === '[]';
}

function check(request: Inbound, source: SourceConfig, keys: readonly string[]): Refused | undefined {
  const header = request.header('x-mandrill-signature');
  if (header.kind !== 'one') return refused(header.kind === 'missing' ? 'missing-signature' : 'repeated-header');
  const given = decodeCanonical(header.value, 'base64');
  if (given === undefined) return refused('malformed-signature');
  if (!isPlainForm(request.body)) return refused('malformed-body');
  const text = signedText(request.form, source);
  if (text === undefined) return refused('misconfigured');
  return keys.some((key) => sameBytes(mac(key, text), given)) ? undefined : refused('signature-mismatch');
}

function signedText(form: URLSearchParams, source: SourceConfig): string | undefined {
  const url = callbackUrl(source);
  if (url === undefined) return undefined;
  const fields = [...form].toSorted(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return url + fields.map(([key, value]) => key + value).join('');
}

function mac(key: string, text: string): Buffer {
  return createHmac('sha1', key).update(text).digest();
}

function withSignature(request: RawRequest, source: SourceConfig): RawRequest {
  const text = signedText(parseForm(request.body.toString()), source) ?? '';
  const signature = mac(source.secrets[0] ?? '', text).toString('base64');
  return { ...request, headers: [...request.headers, ['x-mandrill-signature', signature]] };
}
