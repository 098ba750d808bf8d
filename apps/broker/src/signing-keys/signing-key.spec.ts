import { randomBytes } from 'node:crypto';
import { generateSecret, generateSigningKeyPair, parseSecret, sign, verify } from '@hookcast/protocol';
import { derivedSigningSecret, firstKeyOfDefault, publishedKey } from './signing-key.js';

test.each([
  ['random', generateSigningKeyPair().secret],
  ['derived', derivedSigningSecret(randomBytes(32), firstKeyOfDefault)],
])('what a %s key signs is verified by what is published of it', (_, secret) => {
  const published = publishedKey(secret, 'acme');
  const body = Buffer.from('{"a":1}');
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'webhook-id': 'e1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ id: 'e1', timestamp, body }, [parseSecret(secret)]),
  };
  expect(verify({ headers, body }, { publicKeys: [published.publicKey] })).toEqual({ kind: 'verified' });
  expect(Buffer.from(published.x, 'base64url').toString('base64')).toBe(published.publicKey.slice('whpk_'.length));
  expect(published.namespace).toBe('acme');
});

test('a derived key is the same in every process and release, for other words or under another key another one', () => {
  const key = Buffer.alloc(32, 7);
  // As the first release derived it: receivers have it pinned.
  expect(publishedKey(derivedSigningSecret(key, firstKeyOfDefault), 'default').kid).toBe('-N01RQn6s3kq');
  expect(derivedSigningSecret(key, 'other')).not.toBe(derivedSigningSecret(key, firstKeyOfDefault));
  expect(derivedSigningSecret(randomBytes(32), 'other')).not.toBe(derivedSigningSecret(key, 'other'));
});

test('a shared secret is never published', () => {
  expect(() => publishedKey(generateSecret(), 'acme')).toThrow('not published');
});
