import { createHash } from 'node:crypto';
import type { RawRequest } from '@hookcast/sources';

/** What was taken out of a text. */
const removed = '‹removed›';

/** A header that says who the caller is: nothing of it is shown but its scheme and length. */
const credential = /authorization|cookie|token|secret|password|api-?key|^x-amz-security|clientstate/i;
/** A header that proves something about this one request: its form helps to find out why it does not verify. */
const proof = /signature|hmac|digest|transmission-sig|x-hub-/i;
const parameter = /code|token|secret|sig|password|passwd|key|auth|clientstate/i;

export interface Redacted {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body: Buffer;
}

/**
 * A raw request as an operator may see it: without credentials, without the token of the source, and with none of the
 * source's secrets anywhere, wherever the sender puts them.
 */
export function redact(request: RawRequest, known: { token: string; secrets: readonly string[] }): Redacted {
  const secrets = [known.token, ...known.secrets].filter((secret) => secret !== '');
  return {
    method: request.method,
    url: redactUrl(request.url, secrets),
    headers: request.headers.map(([name, value]) => [name, redactHeader(name, value, secrets)]),
    body: withoutBytes(request.body, secrets),
  };
}

function redactUrl(url: string, secrets: readonly string[]): string {
  // Known secrets first, as they may hold what separates parameters.
  const [path = '', query] = withoutTexts(url, secrets).split(/\?(.*)/s, 2);
  if (query === undefined) return path;
  const pairs = query.split('&').map((pair) => {
    const [name = ''] = pair.split('=', 1);
    return parameter.test(name) && pair.length > name.length ? `${name}=${removed}` : pair;
  });
  return `${path}?${pairs.join('&')}`;
}

function redactHeader(name: string, value: string, secrets: readonly string[]): string {
  if (proof.test(name)) return shape(value);
  if (credential.test(name))
    return `${/^(?:basic|bearer|digest) /i.exec(value)?.[0] ?? ''}${removed} (${value.length} characters)`;
  return withoutTexts(value, secrets);
}

/** `sha256=‹64 characters, 1b4f0e98›`: the prefix, the length and a fingerprint to compare with one of one's own. */
function shape(value: string): string {
  const prefix = /^[a-z0-9]{1,8}[=,]/i.exec(value)?.[0] ?? '';
  const fingerprint = createHash('sha256').update(value).digest('hex').slice(0, 8);
  return `${prefix}‹${value.length - prefix.length} characters, ${fingerprint}›`;
}

/** As it is, and as URLs, forms, JSON and basic authentication write it; the longest first, as one may hold another. */
function spellings(secrets: readonly string[]): string[] {
  const all = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ secret }).toString().slice('secret='.length),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]);
  return [...new Set(all)].toSorted((one, other) => other.length - one.length);
}

function withoutTexts(text: string, secrets: readonly string[]): string {
  return spellings(secrets).reduce((rest, secret) => rest.replaceAll(secret, removed), text);
}

function withoutBytes(body: Buffer, secrets: readonly string[]): Buffer {
  // latin1 maps every byte to one character and back, whatever the body is.
  const texts = spellings(secrets).map((text) => Buffer.from(text).toString('latin1'));
  if (!texts.some((text) => body.includes(text, 0, 'latin1'))) return body;
  const mark = Buffer.from(removed).toString('latin1');
  return Buffer.from(
    texts.reduce((rest, text) => rest.replaceAll(text, mark), body.toString('latin1')),
    'latin1',
  );
}
