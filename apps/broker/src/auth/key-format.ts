import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * A key is `hc_<id>_<secret>_<crc>`, all in base62: a public id of 11 characters, 32 secret bytes as 43 characters, and
 * the CRC-32 (IEEE) of everything before its underscore as 6. The prefix and the checksum let secret scanners tell a
 * key from other text, and a mistyped or made-up key is refused without asking the database.
 */
const form = /^hc_([0-9A-Za-z]{11})_[0-9A-Za-z]{43}_([0-9A-Za-z]{6})$/;
const idForm = /^[0-9A-Za-z]{11}$/;

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Of `keyBytes`, those that the id is made of. */
export const idBytes = 8;
const secretBytes = 32;
const hintLength = 4;

/** Random bytes that a new key with a new id is made of. */
export const keyBytes = idBytes + secretBytes;

/** A key as its owner gets it, and what is kept of it. */
export interface IssuedKey {
  id: string;
  text: string;
  hash: Buffer;
  hint: string;
}

/** Makes a key of `keyBytes` random bytes. With an id, the key is a new one for it and only the secret is taken. */
export function issueKey(random: Buffer, id = base62(random.subarray(0, idBytes), 11)): IssuedKey {
  const body = `hc_${id}_${base62(random.subarray(idBytes, keyBytes), 43)}`;
  const text = `${body}_${checksum(body)}`;
  return { id, text, hash: keyHash(text), hint: text.slice(-hintLength) };
}

/** The id in a key that is written correctly; undefined for every other text. */
export function keyIdOf(text: string): string | undefined {
  const [, id, crc] = form.exec(text) ?? [];
  return crc !== undefined && checksum(text.slice(0, -7)) === crc ? id : undefined;
}

/** What would be the id if the text were a key: for finding one whose hash is compared then. */
export function likelyKeyId(text: string): string {
  return text.slice(3, 14);
}

export function isKeyId(text: string): boolean {
  return idForm.test(text);
}

/** At 256 random bits a plain SHA-256 cannot be searched, so nothing slower is needed. */
export function keyHash(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}

function checksum(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < 6; place += 1) {
    digits = alphabet.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function base62(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let digits = '';
  while (digits.length < length) {
    digits = alphabet.charAt(Number(rest % 62n)) + digits;
    rest /= 62n;
  }
  return digits;
}
