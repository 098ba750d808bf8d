import { hash, timingSafeEqual } from 'node:crypto';

const notLowerHex = /[^0-9a-f]/;
const notHex = /[^0-9a-fA-F]/;

export type Encoding = 'hex' | 'base64';

/** Decodes the one canonical spelling only: a second spelling of a signature would defeat dedupe by signature. */
export function decodeCanonical(text: string, encoding: Encoding): Buffer | undefined {
  if (encoding === 'hex') return notLowerHex.test(text) ? undefined : wholeBytes(text);
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

/** Hex in either case: for keys, which a person pasted, never for signatures. */
export function decodeKeyHex(text: string): Buffer | undefined {
  return notHex.test(text) ? undefined : wholeBytes(text);
}

function wholeBytes(hex: string): Buffer | undefined {
  return hex !== '' && hex.length % 2 === 0 ? Buffer.from(hex, 'hex') : undefined;
}

/** Constant time for equal lengths; the lengths themselves are no secret. */
export function sameBytes(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Compares secrets of any length in constant time, through their digests. */
export function sameSecret(left: string, right: string): boolean {
  return timingSafeEqual(sha256(left), sha256(right));
}

export function sha256(data: string | Buffer): Buffer {
  return hash('sha256', data, 'buffer');
}
