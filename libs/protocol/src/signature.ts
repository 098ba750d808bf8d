import { createHmac, sign as signBytes, timingSafeEqual, verify as verifyBytes, type KeyObject } from 'node:crypto';
import type { HeaderValues } from './header-value.js';
import { hookHeaders } from './hook-headers.js';
import { hmacKey, parsePublicKey, type SigningKey } from './secret.js';

/** What a signature covers: the `webhook-id`, the unix seconds of the attempt and the raw bytes of the body. */
export interface SignedParts {
  id: string;
  timestamp: number;
  body: Buffer;
}

export type Verification =
  | { kind: 'verified' }
  | {
      kind: 'refused';
      reason: 'missing-header' | 'malformed-header' | 'too-old' | 'too-new' | 'no-match' | 'too-many-signatures';
    };

/** The keys a receiver trusts, as text: `whsec_…` and `whpk_…`. Any of them may match, so that secrets can rotate. */
export interface VerificationKeys {
  secrets?: readonly string[];
  publicKeys?: readonly string[];
}

export interface VerifyOptions {
  /** @default the time of the call */
  now?: Date;
  /** How far the timestamp may lie in the past or the future. @default 300 */
  toleranceSeconds?: number;
}

export interface SignedRequest {
  headers: HeaderValues;
  body: Buffer;
}

/** More entries than this are refused unread, since each could cost a signature check. */
const maxSignatures = 10;
const defaultToleranceSeconds = 300;

const webhookId = /^[\x21-\x2d\x2f-\x7e]+$/;
const unixSeconds = /^\d{1,12}$/;

/**
 * The value of `webhook-signature`: one entry for each key, in the order of the keys, separated by spaces; `v1,` and the
 * HMAC-SHA256 or `v1a,` and the Ed25519 signature of `id.timestamp.body`, in base64 (Standard Webhooks 1.0.0).
 */
export function sign(parts: SignedParts, keys: readonly SigningKey[]): string {
  const prefix = `${parts.id}.${parts.timestamp}.`;
  let header = '';
  let signedText: Buffer | undefined;
  for (const key of keys) {
    if (header !== '') header += ' ';
    if (key.kind === 'hmac') {
      header += `v1,${createHmac('sha256', key.key).update(prefix).update(parts.body).digest('base64')}`;
    } else {
      // Ed25519 reads its input twice, so it needs the text in one piece; HMAC never copies the body.
      signedText ??= Buffer.concat([Buffer.from(prefix), parts.body]);
      header += `v1a,${signBytes(null, signedText, key.privateKey).toString('base64')}`;
    }
  }
  return header;
}

/**
 * Checks a request's Standard Webhooks headers against the keys, over the raw bytes of the body and in constant time.
 * Refuses when no key is given. Use {@link createVerifier} to read the keys once for many requests.
 *
 * @throws {SecretError} when a key is not in its textual form
 */
export function verify(request: SignedRequest, keys: VerificationKeys, options: VerifyOptions = {}): Verification {
  return createVerifier(keys)(request, options);
}

/**
 * A {@link verify} for fixed keys.
 *
 * @throws {SecretError} when a key is not in its textual form
 */
export function createVerifier(
  keys: VerificationKeys,
): (request: SignedRequest, options?: VerifyOptions) => Verification {
  const hmacKeys = (keys.secrets ?? []).map(hmacKey);
  const publicKeys = (keys.publicKeys ?? []).map(parsePublicKey);
  return (request, options = {}) => {
    const headers = readHeaders(request.headers);
    if (headers.kind === 'refused') return headers;
    const age = ageReason(Number(headers.timestamp), options);
    if (age !== undefined) return { kind: 'refused', reason: age };
    const prefix = `${headers.id}.${headers.timestamp}.`;
    const isGenuine =
      matchesHmac(headers.v1, hmacKeys, prefix, request.body) ||
      matchesEd25519(headers.v1a, publicKeys, prefix, request.body);
    return isGenuine ? { kind: 'verified' } : { kind: 'refused', reason: 'no-match' };
  };
}

type Refusal = Extract<Verification, { kind: 'refused' }>;

interface SignatureHeaders {
  kind: 'read';
  id: string;
  /** The header's own text: it was signed as it stands. */
  timestamp: string;
  /** The base64 of each signature, by version. */
  v1: string[];
  v1a: string[];
}

function readHeaders(headers: HeaderValues): SignatureHeaders | Refusal {
  const id = headers[hookHeaders.id];
  const timestamp = headers[hookHeaders.timestamp];
  const signature = headers[hookHeaders.signature];
  if (!id || !timestamp || !signature) return refused('missing-header');
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') {
    return refused('malformed-header');
  }
  // Sent twice, they arrive joined with ", ", which neither can hold.
  if (!webhookId.test(id) || !unixSeconds.test(timestamp)) return refused('malformed-header');
  return readSignatures(signature, { kind: 'read', id, timestamp, v1: [], v1a: [] });
}

/** Walks the entries instead of splitting the header: this runs for every request a hook receives. */
function readSignatures(signature: string, headers: SignatureHeaders): SignatureHeaders | Refusal {
  let start = 0;
  for (let count = 1; start <= signature.length; count++) {
    if (count > maxSignatures) return refused('too-many-signatures');
    const space = signature.indexOf(' ', start);
    const end = space < 0 ? signature.length : space;
    const comma = signature.indexOf(',', start);
    // A comma at the end of an entry is where a header sent twice was joined.
    if (comma <= start || comma >= end - 1 || signature[end - 1] === ',') return refused('malformed-header');
    if (signature.startsWith('v1,', start)) headers.v1.push(signature.slice(comma + 1, end));
    else if (signature.startsWith('v1a,', start)) headers.v1a.push(signature.slice(comma + 1, end));
    start = end + 1;
  }
  return headers;
}

const refused = (reason: Refusal['reason']): Refusal => ({ kind: 'refused', reason });

function ageReason(seconds: number, options: VerifyOptions): 'too-old' | 'too-new' | undefined {
  const now = Math.floor((options.now?.getTime() ?? Date.now()) / 1000);
  const tolerance = options.toleranceSeconds ?? defaultToleranceSeconds;
  if (now - seconds > tolerance) return 'too-old';
  return seconds - now > tolerance ? 'too-new' : undefined;
}

function matchesHmac(signatures: readonly string[], keys: readonly Buffer[], prefix: string, body: Buffer): boolean {
  if (signatures.length === 0) return false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(prefix).update(body).digest('base64');
    for (const given of signatures) if (isSameHmac(given, expected)) return true;
  }
  return false;
}

/** Base64 of 32 bytes. */
const hmacLength = 44;
// Used again for every comparison, which never yields in between: new ones would be a tenth of a verification.
const givenBytes = Buffer.alloc(hmacLength);
const expectedBytes = Buffer.alloc(hmacLength);

/** Compares in constant time. Only the length of what was given may show, and it is no secret. */
function isSameHmac(given: string, expected: string): boolean {
  if (given.length !== hmacLength) return false;
  givenBytes.write(given, 'latin1');
  expectedBytes.write(expected, 'latin1');
  return timingSafeEqual(givenBytes, expectedBytes);
}

function matchesEd25519(
  signatures: readonly string[],
  keys: readonly KeyObject[],
  prefix: string,
  body: Buffer,
): boolean {
  if (signatures.length === 0 || keys.length === 0) return false;
  const signedText = Buffer.concat([Buffer.from(prefix), body]);
  return keys.some((key) =>
    signatures.some((given) => verifyBytes(null, signedText, key, Buffer.from(given, 'base64'))),
  );
}
