import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** A sealed text was changed, belongs to another row, or was sealed with another key. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/** Keys of 32 bytes: the one that seals, and others that only open while they are being replaced. */
export interface Keyring {
  current: Buffer;
  others: readonly Buffer[];
}

/**
 * Seals secrets for the database: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce and a 128-bit tag. What
 * the secret belongs to is authenticated too, so a sealed text copied into another row does not open.
 */
export class Vault {
  private readonly keyId: string;
  private readonly keys: Map<string, Buffer>;

  constructor({ current, others }: Keyring) {
    this.keyId = keyIdOf(current);
    this.keys = new Map([current, ...others].map((key) => [keyIdOf(key), key]));
  }

  /** `v2.<key id>.<base64url of nonce, tag, ciphertext>`. `belongsTo` names kind and row: it must be given again to open. */
  seal(secret: string, belongsTo: string): string {
    const key = this.keys.get(this.keyId);
    if (!key) throw new Error('A vault has its current key.');
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(belongsTo));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `v2.${this.keyId}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  /** @throws UnsealError */
  open(sealed: string, belongsTo: string): string {
    const { keyId, bytes } = envelopeOf(sealed);
    // The first version of the envelope did not say which key it was.
    const candidates = keyId === undefined ? [...this.keys.values()] : [this.keys.get(keyId)];
    let cause: unknown;
    for (const key of candidates) {
      try {
        if (key) return decrypt(key, bytes, belongsTo);
      } catch (error) {
        cause = error;
      }
    }
    throw new UnsealError('A stored secret does not open with this HOOKCAST_ENCRYPTION_KEY.', { cause });
  }

  /** Whether it was sealed with the current key. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(`v2.${this.keyId}.`);
  }
}

/** Names a key without telling anything about it. */
function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('hookcast encryption key id').update(key).digest('base64url').slice(0, 8);
}

function envelopeOf(sealed: string): { keyId: string | undefined; bytes: Buffer } {
  const parts = sealed.split('.');
  const keyId = parts.length === 3 && parts[0] === 'v2' ? parts[1] : undefined;
  const isEnvelope = keyId !== undefined || (parts.length === 2 && parts[0] === 'v1');
  const bytes = Buffer.from(parts.at(-1) ?? '', 'base64url');
  if (!isEnvelope || bytes.length < nonceBytes + tagBytes) throw new UnsealError('Not a sealed secret.');
  return { keyId, bytes };
}

function decrypt(key: Buffer, bytes: Buffer, belongsTo: string): string {
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(belongsTo));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
}
