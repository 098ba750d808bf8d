import { sign as signBytes, timingSafeEqual, verify as verifyBytes, type KeyObject } from 'node:crypto';
import type { HeaderValues } from './header-value.js';
import { hmacSha256 } from './hmac.js';
import { hookHeaders } from './hook-headers.js';
import { hmacKey, parsePublicKey, type HmacKey, type SigningKey } from './secret.js';

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
      header += `v1,${hmacSha256(key, prefix, parts.body)}`;
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
      matchesHmac(headers.signatures, hmacKeys, prefix, request.body) ||
      matchesEd25519(headers.signatures, publicKeys, prefix, request.body);
    return isGenuine ? { kind: 'verified' } : { kind: 'refused', reason: 'no-match' };
  };
}

type Refusal = Extract<Verification, { kind: 'refused' }>;

interface SignatureHeaders {
  kind: 'read';
  id: string;
  /** The header's own text: it was signed as it stands. */
  timestamp: string;
  /** Entries of the form `version,signature`, separated by single spaces. */
  signatures: string;
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
  const fault = faultOf(signature);
  return fault === undefined ? { kind: 'read', id, timestamp, signatures: signature } : refused(fault);
}

/** What is wrong with the entries, which are walked and not split: this runs for every request a hook receives. */
function faultOf(signatures: string): 'malformed-header' | 'too-many-signatures' | undefined {
  let start = 0;
  for (let count = 1; start <= signatures.length; count++) {
    if (count > maxSignatures) return 'too-many-signatures';
    const end = endOfEntry(signatures, start);
    const comma = signatures.indexOf(',', start);
    // A comma at the end of an entry is where a header sent twice was joined.
    if (comma <= start || comma >= end - 1 || signatures[end - 1] === ',') return 'malformed-header';
    start = end + 1;
  }
  return undefined;
}

/** True when an entry of this version passes the test. */
function hasEntry(signatures: string, version: 'v1,' | 'v1a,', test: (base64: string) => boolean): boolean {
  for (let start = 0; start < signatures.length;) {
    const end = endOfEntry(signatures, start);
    if (signatures.startsWith(version, start) && test(signatures.slice(start + version.length, end))) return true;
    start = end + 1;
  }
  return false;
}

function endOfEntry(signatures: string, start: number): number {
  const space = signatures.indexOf(' ', start);
  return space < 0 ? signatures.length : space;
}

const refused = (reason: Refusal['reason']): Refusal => ({ kind: 'refused', reason });

function ageReason(seconds: number, options: VerifyOptions): 'too-old' | 'too-new' | undefined {
  const now = Math.floor((options.now?.getTime() ?? Date.now()) / 1000);
  const tolerance = options.toleranceSeconds ?? defaultToleranceSeconds;
  // Written so that a tolerance that is no number lets nothing through.
  if (Math.abs(now - seconds) <= tolerance) return undefined;
  return now < seconds ? 'too-new' : 'too-old';
}

function matchesHmac(signatures: string, keys: readonly HmacKey[], prefix: string, body: Buffer): boolean {
  if (!hasEntry(signatures, 'v1,', isHmacLong)) return false;
  for (const key of keys) {
    const expected = hmacSha256(key, prefix, body);
    if (hasEntry(signatures, 'v1,', (given) => isSameHmac(given, expected))) return true;
  }
  return false;
}

/** Base64 of 32 bytes. */
const hmacLength = 44;
// Used again for every comparison, which never yields in between: new ones would be a tenth of a verification.
const givenBytes = Buffer.alloc(hmacLength);
const expectedBytes = Buffer.alloc(hmacLength);

const isHmacLong = (given: string): boolean => given.length === hmacLength;

/** Compares in constant time. Only the length of what was given may show, and it is no secret. */
function isSameHmac(given: string, expected: string): boolean {
  if (!isHmacLong(given)) return false;
  givenBytes.write(given, 'latin1');
  expectedBytes.write(expected, 'latin1');
  return timingSafeEqual(givenBytes, expectedBytes);
}

function matchesEd25519(signatures: string, keys: readonly KeyObject[], prefix: string, body: Buffer): boolean {
  if (keys.length === 0 || !hasEntry(signatures, 'v1a,', () => true)) return false;
  const signedText = Buffer.concat([Buffer.from(prefix), body]);
  return keys.some((key) =>
    hasEntry(signatures, 'v1a,', (given) => verifyBytes(null, signedText, key, Buffer.from(given, 'base64'))),
  );
}
