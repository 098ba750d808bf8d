import { createHmac } from 'node:crypto';
import { callbackUrl } from '../callback-url.js';
import { decodeCanonical, sameBytes, sha256 } from '../encoding.js';
import { firstOf, formField, header, joined, prefixed } from '../extract.js';
import { Inbound, isPlainForm, parseForm } from '../inbound.js';
import { refused, type Refused, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { secretsOf } from '../settings.js';

const scheme: CodeScheme = {
  kind: 'code',
  needs: ['secrets', 'callbackUrl'],
  describes:
    '`X-Twilio-Signature`: base64 HMAC-SHA1 over the callback URL with the received query and every form field, sorted, ' +
    'key then value; with `bodySHA256` in the query over the URL alone, and the body must have that SHA-256',
  verify,
  sign: (request, source) => {
    const inbound = new Inbound(request);
    const text = `${callbackUrl(source, inbound) ?? ''}${signedFields(inbound) ?? ''}`;
    const signature = mac(source.secrets[0] ?? '', text).toString('base64');
    return { ...request, headers: [...request.headers, ['x-twilio-signature', signature]] };
  },
};

const message = prefixed('message.', firstOf(formField('MessageStatus'), formField('SmsStatus')));
const call = prefixed('call.', formField('CallStatus'));

export const twilio: Sender = {
  name: 'twilio',
  title: 'Twilio',
  documentation: 'https://www.twilio.com/docs/usage/webhooks/webhooks-security',
  schemes: { twilio: scheme },
  methods: ['POST', 'GET'],
  event: {
    type: firstOf(message, call, (part) => (part.request.isForm ? 'request' : 'event')),
    id: header('i-twilio-idempotency-token'),
    composite: firstOf(
      joined(':', formField('MessageSid'), firstOf(formField('MessageStatus'), formField('SmsStatus'))),
      joined(':', formField('CallSid'), formField('CallStatus'), formField('SequenceNumber')),
    ),
    subject: firstOf(formField('MessageSid'), formField('CallSid')),
  },
  response: () => ({ status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response/>' }),
  answerWithin: 15,
  retries: '1 when the connection fails; 0 to 5 by `#rc=` in the URL',
};

function verify(request: Inbound, source: SourceConfig): Refused | undefined {
  const secrets = secretsOf(source);
  if (secrets.length === 0) return refused('no-secret');
  const presented = request.header('x-twilio-signature');
  if (presented.kind !== 'one') return refused(presented.kind === 'missing' ? 'missing-signature' : 'repeated-header');
  const given = decodeCanonical(presented.value, 'base64');
  if (given === undefined) return refused('malformed-signature');
  const url = callbackUrl(source, request);
  if (url === undefined) return refused('misconfigured');
  const fields = signedFields(request);
  if (fields === undefined) return refused('signature-mismatch');
  const texts = [...spellings(url)].map((spelling) => spelling + fields);
  const genuine = secrets.some((secret) => texts.some((text) => sameBytes(mac(secret, text), given)));
  return genuine ? undefined : refused('signature-mismatch');
}

/**
 * What follows the URL in the signed text. A body always counts as a form unless the signed URL carries its hash: a body
 * that nothing covers must not get through as "no fields".
 */
function signedFields(request: Inbound): string | undefined {
  const hashes = request.query.getAll('bodySHA256');
  if (hashes.length === 0) return isPlainForm(request.body) ? sortedFields(request.form) : undefined;
  const given = decodeCanonical(hashes[0] ?? '', 'hex');
  return hashes.length === 1 && given && sameBytes(sha256(request.body), given) ? '' : undefined;
}

/** A repeated key contributes each of its values once, sorted. */
function sortedFields(form: URLSearchParams): string {
  // In one pass: asking the form for the values of each of its names would take the square of their number.
  const values = new Map<string, Set<string>>();
  for (const [name, value] of form) {
    const known = values.get(name);
    if (known) known.add(value);
    else values.set(name, new Set([value]));
  }
  const names = [...values.keys()].toSorted();
  return names.flatMap((name) => [...(values.get(name) ?? [])].toSorted().map((value) => name + value)).join('');
}

/** Twilio signs the standard port at times, and at times a query encoded the older way. */
function spellings(url: string): Set<string> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return new Set([url]);
  const ports = [url, withPort(url, parsed, ''), withPort(url, parsed, parsed.protocol === 'https:' ? ':443' : ':80')];
  return new Set(ports.flatMap((spelling) => [spelling, withLegacyQuery(spelling)]));
}

/** Rewrites the port only: any other normalisation of the URL would change what was signed. */
function withPort(url: string, parsed: URL, port: string): string {
  const start = parsed.protocol.length + 2;
  const end = url.slice(start).search(/[/?#]/);
  const authority = end < 0 ? url.slice(start) : url.slice(start, start + end);
  if (port !== '' && /:\d+$/.test(authority)) return url;
  return `${url.slice(0, start)}${authority.replace(/:\d+$/, '')}${port}${end < 0 ? '' : url.slice(start + end)}`;
}

function withLegacyQuery(url: string): string {
  const at = url.indexOf('?');
  if (at < 0) return url;
  const pairs = [...parseForm(url.slice(at + 1))].map((pair) => pair.map(encodeURIComponent).join('='));
  return `${url.slice(0, at)}?${pairs.join('&')}`;
}

function mac(secret: string, text: string): Buffer {
  return createHmac('sha1', secret).update(text).digest();
}
