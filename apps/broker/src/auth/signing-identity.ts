import { createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';

// RFC 8410: the bytes of PKCS #8 in front of a raw 32-byte Ed25519 seed.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The broker's own Ed25519 key for `v1a` signatures. */
export interface SigningIdentity {
  /** `whsk_<base64 of the seed>`: signs. Never leaves the process. */
  secret: string;
  /** One entry of `/.well-known/hookcast-keys.json`: a JSON Web Key (RFC 8037) that also carries the `whpk_` text. */
  published: {
    kid: string;
    kty: 'OKP';
    crv: 'Ed25519';
    alg: 'EdDSA';
    use: 'sig';
    x: string;
    publicKey: string;
  };
}

/**
 * Derives the signing key from the encryption key with HKDF-SHA256 (RFC 5869): every process on one database signs
 * with the same key, it survives a restart, and no private key has to be stored.
 */
export function signingIdentity(encryptionKey: Buffer): SigningIdentity {
  const seed = Buffer.from(hkdfSync('sha256', encryptionKey, Buffer.alloc(0), 'hookcast ed25519 signing key v1', 32));
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    secret: `whsk_${seed.toString('base64')}`,
    published: {
      kid: createHash('sha256').update(raw).digest('base64url').slice(0, 12),
      kty: 'OKP',
      crv: 'Ed25519',
      alg: 'EdDSA',
      use: 'sig',
      x: raw.toString('base64url'),
      publicKey: `whpk_${raw.toString('base64')}`,
    },
  };
}
