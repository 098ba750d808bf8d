import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const version = 'v1';

/** A sealed text was changed, belongs to another row, or was sealed with another key. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/**
 * Seals secrets for the database: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce and a 128-bit tag. What
 * the secret belongs to is authenticated too, so a sealed text copied into another row does not open.
 */
export class Vault {
  constructor(private readonly key: Buffer) {}

  /** `v1.<base64url of nonce, tag, ciphertext>`. `belongsTo` names kind and row: it must be given again to open. */
  seal(secret: string, belongsTo: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(belongsTo));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `${version}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  /** @throws UnsealError */
  open(sealed: string, belongsTo: string): string {
    const [prefix, encoded = ''] = sealed.split('.');
    const bytes = Buffer.from(encoded, 'base64url');
    if (prefix !== version || bytes.length < nonceBytes + tagBytes) throw new UnsealError('Not a sealed secret.');
    const decipher = createDecipheriv(algorithm, this.key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(belongsTo));
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new UnsealError('A stored secret does not open with this HOOKCAST_ENCRYPTION_KEY.', { cause });
    }
  }
}
