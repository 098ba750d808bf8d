import { createHash, hkdfSync } from 'node:crypto';
import { parseSecret, publicKeyOf } from '@hookcast/protocol';

/** One entry of `/.well-known/hookcast-keys.json`: a JSON Web Key (RFC 8037) that also carries the `whpk_` text. */
export interface PublishedKey {
  kid: string;
  kty: 'OKP';
  crv: 'Ed25519';
  alg: 'EdDSA';
  use: 'sig';
  x: string;
  publicKey: string;
  /** Whose events it signs. */
  namespace: string;
}

/** @param secret `whsk_…`, which never leaves the process */
export function publishedKey(secret: string, namespace: string): PublishedKey {
  const key = parseSecret(secret);
  if (key.kind !== 'ed25519') throw new Error('A shared secret is not published.');
  const publicKey = publicKeyOf(key);
  const raw = Buffer.from(publicKey.slice('whpk_'.length), 'base64');
  return {
    kid: createHash('sha256').update(raw).digest('base64url').slice(0, 12),
    kty: 'OKP',
    crv: 'Ed25519',
    alg: 'EdDSA',
    use: 'sig',
    x: raw.toString('base64url'),
    publicKey,
    namespace,
  };
}

/** A `whsk_` secret that is always the same for the same words (HKDF-SHA256, RFC 5869). */
export function derivedSigningSecret(encryptionKey: Buffer, words: string): string {
  const seed = Buffer.from(hkdfSync('sha256', encryptionKey, Buffer.alloc(0), words, 32));
  return `whsk_${seed.toString('base64')}`;
}

/**
 * The words of the first key of the namespace `default`: releases before keys were stored derived theirs so, and
 * receivers know it.
 */
export const firstKeyOfDefault = 'hookcast ed25519 signing key v1';
