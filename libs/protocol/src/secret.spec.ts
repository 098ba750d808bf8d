import { createPublicKey, verify } from 'node:crypto';
import {
  generateSecret,
  generateSigningKeyPair,
  parsePublicKey,
  parseSecret,
  publicKeyOf,
  SecretError,
  type Ed25519SigningKey,
} from './secret.js';

const base64 = (length: number, fill = 7) => Buffer.alloc(length, fill).toString('base64');

function signingKey(text: string): Ed25519SigningKey {
  const key = parseSecret(text);
  if (key.kind !== 'ed25519') throw new Error('expected a signing key');
  return key;
}

test('a generated secret is a new key of 32 bytes', () => {
  const key = parseSecret(generateSecret());
  expect(key).toMatchObject({ kind: 'hmac', key: { length: 32 } });
  expect(generateSecret()).not.toBe(generateSecret());
});

test('a generated pair belongs together', () => {
  const { secret, publicKey } = generateSigningKeyPair();
  expect(secret).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/);
  expect(publicKeyOf(signingKey(secret))).toBe(publicKey);
  expect(parsePublicKey(publicKey).asymmetricKeyType).toBe('ed25519');
});

// RFC 8032 §7.1, test 1.
test('a private key of 32 or of 64 bytes is the key of the standard', () => {
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const publicKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  const short = `whsk_${Buffer.from(seed, 'hex').toString('base64')}`;
  const long = `whsk_${Buffer.from(seed + publicKey, 'hex').toString('base64')}`;
  for (const text of [short, long]) {
    expect(publicKeyOf(signingKey(text))).toBe(`whpk_${Buffer.from(publicKey, 'hex').toString('base64')}`);
  }
  const signature = Buffer.from(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    'hex',
  );
  expect(verify(null, Buffer.alloc(0), createPublicKey(signingKey(short).privateKey), signature)).toBe(true);
});

test.each([24, 32, 64])('a shared secret may hold %i bytes', (length) => {
  expect(parseSecret(`whsec_${base64(length)}`)).toMatchObject({ kind: 'hmac', key: Buffer.alloc(length, 7) });
});

test.each([
  ['', 'nothing'],
  ['secret', 'no prefix'],
  [base64(32), 'no prefix'],
  ['whsec_', 'no key'],
  [`whsec_${base64(23)}`, 'a short key'],
  [`whsec_${base64(65)}`, 'a long key'],
  [`whsec_${base64(32)}\n`, 'a line feed'],
  [`whsec_${Buffer.alloc(33, 0xff).toString('base64url')}`, 'the other base64 alphabet'],
  [`whsk_${base64(31)}`, 'a short private key'],
  [`whsk_${base64(48)}`, 'half a public key'],
  [`whsk_${base64(64)}`, 'halves that do not match'],
  [`whpk_${base64(32)}`, 'a public key'],
])('%j is refused for %s', (text) => {
  expect(() => parseSecret(text)).toThrow(SecretError);
});

test('an error never repeats the secret', () => {
  const secret = base64(23);
  expect(() => parseSecret(`whsec_${secret}`)).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining(secret) }),
  );
});

test.each(['', `whpk_${base64(31)}`, `whsec_${base64(32)}`, 'whpk_!'])('%j is no public key', (text) => {
  expect(() => parsePublicKey(text)).toThrow(SecretError);
});
