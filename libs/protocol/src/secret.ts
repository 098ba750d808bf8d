import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { padKey, type PaddedKey } from './hmac.js';

export interface HmacKey extends PaddedKey {
  kind: 'hmac';
}

export interface Ed25519SigningKey {
  kind: 'ed25519';
  privateKey: KeyObject;
}

export type SigningKey = HmacKey | Ed25519SigningKey;

/** A secret or key is not in the form Standard Webhooks gives it. The text of the secret is never part of the error. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

// RFC 8410: the bytes of PKCS #8 and SubjectPublicKeyInfo in front of a raw 32-byte Ed25519 key.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads a secret to sign with.
 *
 * - `whsec_<base64 of 24 to 64 bytes>`: a shared HMAC-SHA256 key, which also verifies
 * - `whsk_<base64>`: a private Ed25519 key, either its 32-byte seed or seed and public key (64 bytes, as Svix writes it)
 *
 * @throws {SecretError} when it is neither
 */
export function parseSecret(text: string): SigningKey {
  if (text.startsWith('whsec_')) return hmacKey(text);
  if (text.startsWith('whsk_')) return { kind: 'ed25519', privateKey: privateKey(decode(text, 'whsk_')) };
  throw new SecretError('A secret starts with whsec_ (shared) or whsk_ (private Ed25519 key).');
}

/** The key in a `whsec_` secret. */
export function hmacKey(text: string): HmacKey {
  const key = decode(text, 'whsec_');
  if (key.length < 24 || key.length > 64) throw new SecretError('A whsec_ secret holds 24 to 64 bytes.');
  return { kind: 'hmac', ...padKey(key) };
}

/** The Ed25519 key in `whpk_<base64 of 32 bytes>`. */
export function parsePublicKey(text: string): KeyObject {
  const key = decode(text, 'whpk_');
  if (key.length !== 32) throw new SecretError('A whpk_ key holds 32 bytes.');
  return createPublicKey({ key: Buffer.concat([spkiPrefix, key]), format: 'der', type: 'spki' });
}

/** A new shared secret: `whsec_` and 32 random bytes. */
export function generateSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** A new Ed25519 pair: `secret` (`whsk_`, seed and public key) to sign with, `publicKey` (`whpk_`) to hand out. */
export function generateSigningKeyPair(): { secret: string; publicKey: string } {
  const pair = generateKeyPairSync('ed25519');
  const seed = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(pkcs8Prefix.length);
  const publicKey = rawPublicKey(pair.publicKey);
  return {
    secret: `whsk_${Buffer.concat([seed, publicKey]).toString('base64')}`,
    publicKey: `whpk_${publicKey.toString('base64')}`,
  };
}

/** The `whpk_` text of the key that verifies what a `whsk_` secret signs. */
export function publicKeyOf(key: Ed25519SigningKey): string {
  return `whpk_${rawPublicKey(createPublicKey(key.privateKey)).toString('base64')}`;
}

function privateKey(raw: Buffer): KeyObject {
  if (raw.length !== 32 && raw.length !== 64) throw new SecretError('A whsk_ secret holds 32 or 64 bytes.');
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, raw.subarray(0, 32)]),
    format: 'der',
    type: 'pkcs8',
  });
  // A second half of another key would sign what nobody can verify.
  if (raw.length === 64 && !rawPublicKey(createPublicKey(key)).equals(raw.subarray(32))) {
    throw new SecretError('The two halves of the whsk_ secret do not belong together.');
  }
  return key;
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
}

function decode(text: string, prefix: string): Buffer {
  const encoded = text.slice(prefix.length);
  if (!text.startsWith(prefix) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) {
    throw new SecretError(`Expected ${prefix} and standard base64.`);
  }
  return Buffer.from(encoded, 'base64');
}
