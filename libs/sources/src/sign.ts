import { Inbound } from './inbound.js';
import { secretBytes } from './keys.js';
import { type RawRequest, type SourceConfig } from './reception.js';
import { isPublicKeyForm, type SignatureForm, type SignatureScheme, type TokenScheme } from './scheme.js';
import { sha256 } from './encoding.js';
import { styleOf } from './style.js';
import { digest, signedBytes } from './signed-bytes.js';
import { tokenName } from './verify-token.js';

/** What a test wants to have arrived; the rest is filled in. */
export interface UnsignedRequest {
  /** @default 'POST' */
  readonly method?: string;
  /** @default the source's callback URL, else `/` */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/**
 * Makes the request that a source's sender would send now, for the tests of a service that receives it. Signs with the
 * first secret; adds the timestamp and, where it is signed, a delivery id that depends on the body alone.
 *
 * @throws {TypeError} when only the sender can sign (a private key), or the source is not configured well enough
 * @example
 * const request = sign({ body: '{"action":"opened"}', headers: { 'x-github-event': 'issues' } }, source, new Date());
 * receive(request, source, new Date()).kind; // 'accepted'
 */
export function sign(request: UnsignedRequest, source: SourceConfig, now: Date): RawRequest {
  const style = styleOf(source);
  if (style === undefined) throw new TypeError(`No sender ${source.sender} with the scheme ${source.scheme ?? ''}.`);
  const raw = rawRequest(request, source);
  const { scheme } = style;
  switch (scheme.kind) {
    case 'signature':
      return withSignature(scheme, raw, source, now);
    case 'token':
      return withToken(scheme, raw, source);
    case 'code':
      if (scheme.sign === undefined)
        throw new TypeError(`Only ${style.sender.title} can sign with ${style.schemeName}.`);
      return scheme.sign(raw, source, now);
  }
}

function rawRequest(request: UnsignedRequest, source: SourceConfig): RawRequest {
  const { method = 'POST', url = source.callbackUrl ?? '/', headers = {}, body = '' } = request;
  const pairs = Object.entries(headers);
  const hasType = pairs.some(([name]) => name.toLowerCase() === 'content-type');
  return {
    method,
    url,
    headers: hasType ? pairs : [...pairs, ['content-type', 'application/json']],
    body: Buffer.from(body),
  };
}

function withSignature(scheme: SignatureScheme, raw: RawRequest, source: SourceConfig, now: Date): RawRequest {
  const form = scheme.forms.find((candidate) => !isPublicKeyForm(candidate));
  if (form === undefined || isPublicKeyForm(form)) throw new TypeError('Only the sender can sign with this scheme.');
  const key = secretBytes(source.secrets[0] ?? '', form.key);
  if (key === undefined) throw new TypeError('The source has no secret of the scheme’s form.');
  const family = scheme.families?.at(-1) ?? '';
  const timestamp = timestampText(scheme, now);
  const completed = withSignedHeaders(scheme, raw, { source, family, timestamp });
  const inbound = new Inbound(completed);
  const sent = sentTimestamp(scheme, inbound, family) ?? timestamp;
  const spellings = signedBytes(scheme, { request: inbound, source, family, timestamp: sent });
  if ('kind' in spellings) throw new TypeError(`The source cannot be signed for: ${spellings.reason}.`);
  const text = digest(form.algorithm, key, spellings[0] ?? []).toString(form.encoding);
  return withHeader(completed, scheme.header.replace('*', family), signatureValue(scheme, form, text, sent));
}

function signatureValue(scheme: SignatureScheme, form: SignatureForm, text: string, timestamp: string): string {
  const rule = scheme.timestamp;
  const inHeader = rule !== undefined && 'field' in rule.from ? `${rule.from.field}=${timestamp},` : '';
  return `${inHeader}${form.prefix}${text}`;
}

function timestampText(scheme: SignatureScheme, now: Date): string {
  if (scheme.timestamp?.unit === 'iso') return now.toISOString();
  const milliseconds = now.getTime();
  return String(scheme.timestamp?.unit === 'ms' ? milliseconds : Math.floor(milliseconds / 1000));
}

/** The caller may have set the header, to be stale on purpose. */
function sentTimestamp(scheme: SignatureScheme, request: Inbound, family: string): string | undefined {
  const from = scheme.timestamp?.from;
  return from && 'header' in from ? request.headerText(from.header.replace('*', family)) : undefined;
}

interface Filling {
  readonly source: SourceConfig;
  readonly family: string;
  readonly timestamp: string;
}

/** Headers that are signed, or select the key, and that the caller left out. */
function withSignedHeaders(scheme: SignatureScheme, raw: RawRequest, filling: Filling): RawRequest {
  const inbound = new Inbound(raw);
  const missing = signedHeaders(scheme, raw, filling).filter(([name]) => !inbound.hasHeader(name));
  return { ...raw, headers: [...raw.headers, ...missing] };
}

function signedHeaders(scheme: SignatureScheme, raw: RawRequest, filling: Filling): [name: string, value: string][] {
  const { source, family, timestamp } = filling;
  const named = (name: string) => name.replace('*', family);
  const headers = scheme.signed.flatMap((part): [string, string][] =>
    typeof part === 'object' && 'header' in part ? [[named(part.header), deliveryId(raw)]] : [],
  );
  const from = scheme.timestamp?.from;
  if (from && 'header' in from) headers.push([named(from.header), timestamp]);
  if (scheme.keyId) headers.push([scheme.keyId.header, firstOf(source.params?.[scheme.keyId.param])]);
  return headers;
}

function deliveryId(raw: RawRequest): string {
  return `test_${sha256(raw.body).toString('hex').slice(0, 24)}`;
}

function firstOf(list = ''): string {
  return list.split(',', 1)[0]?.trim() ?? '';
}

function withToken(scheme: TokenScheme, raw: RawRequest, source: SourceConfig): RawRequest {
  const secret = source.secrets[0] ?? '';
  const name = tokenName(scheme, source);
  switch (scheme.from) {
    case 'header':
      return withHeader(raw, name, secret);
    case 'basic':
      return withHeader(raw, 'authorization', `Basic ${Buffer.from(secret).toString('base64')}`);
    case 'bearer':
      return withHeader(raw, 'authorization', `Bearer ${secret}`);
    case 'query': {
      const separator = raw.url.includes('?') ? '&' : '?';
      return { ...raw, url: `${raw.url}${separator}${encodeURIComponent(name)}=${encodeURIComponent(secret)}` };
    }
    case 'body':
      return withBodyToken(raw, name, secret);
  }
}

function withBodyToken(raw: RawRequest, name: string, secret: string): RawRequest {
  if (new Inbound(raw).isForm) {
    const body = `${raw.body.toString()}&${encodeURIComponent(name)}=${encodeURIComponent(secret)}`;
    return { ...raw, body: Buffer.from(body) };
  }
  const document = new Inbound(raw).document;
  const fields = typeof document === 'object' && document !== null ? document : {};
  return { ...raw, body: Buffer.from(JSON.stringify({ [name]: secret, ...fields })) };
}

function withHeader(raw: RawRequest, name: string, value: string): RawRequest {
  return { ...raw, headers: [...raw.headers, [name, value]] };
}
