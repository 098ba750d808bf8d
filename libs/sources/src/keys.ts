import { createPublicKey, type KeyObject } from 'node:crypto';
import { decodeCanonical, decodeKeyHex } from './encoding.js';
import { type PublicKeyFormat, type SecretFormat } from './scheme.js';

/** DER of an Ed25519 SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Key bytes of a configured secret, or undefined when the text is empty or not of its format. */
export function secretBytes(text: string, format: SecretFormat): Buffer | undefined {
  if (text === '') return undefined;
  if (format === 'text') return Buffer.from(text, 'utf8');
  if (format === 'hex') return decodeKeyHex(text);
  return decodeCanonical(format === 'whsec' && text.startsWith('whsec_') ? text.slice(6) : text, 'base64');
}

const keyCache = new Map<string, KeyObject | undefined>();
const maxCachedKeys = 1000;

/** The public key, or undefined when the text is not one of its format. Importing costs more than verifying, hence the cache. */
export function publicKeyOf(text: string, format: PublicKeyFormat): KeyObject | undefined {
  const id = `${format} ${text}`;
  if (!keyCache.has(id)) {
    if (keyCache.size >= maxCachedKeys) keyCache.clear();
    keyCache.set(id, importPublicKey(text, format));
  }
  return keyCache.get(id);
}

function importPublicKey(text: string, format: PublicKeyFormat): KeyObject | undefined {
  const der = publicKeyDer(text, format);
  if (der === undefined) return undefined;
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === (format === 'spki' ? 'ec' : 'ed25519') ? key : undefined;
  } catch {
    return undefined;
  }
}

function publicKeyDer(text: string, format: PublicKeyFormat): Buffer | undefined {
  if (format === 'spki') return decodeCanonical(text.replaceAll(/\s|-----[A-Z ]+-----/g, ''), 'base64');
  const raw =
    format === 'ed25519-hex'
      ? decodeKeyHex(text)
      : decodeCanonical(text.startsWith('whpk_') ? text.slice(5) : text, 'base64');
  return raw?.length === 32 ? Buffer.concat([ed25519Prefix, raw]) : undefined;
}
