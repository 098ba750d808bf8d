import { randomBytes } from 'node:crypto';
import { parseSecret, sign, verify } from '@hookcast/protocol';
import { signingIdentity } from './signing-identity.js';

test('what it signs is verified by the key it publishes', () => {
  const { secret, published } = signingIdentity(randomBytes(32));
  const body = Buffer.from('{"a":1}');
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'webhook-id': 'e1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ id: 'e1', timestamp, body }, [parseSecret(secret)]),
  };
  expect(verify({ headers, body }, { publicKeys: [published.publicKey] })).toEqual({ kind: 'verified' });
  expect(Buffer.from(published.x, 'base64url').toString('base64')).toBe(published.publicKey.slice('whpk_'.length));
});

test('the same encryption key gives the same identity in every process, another one another', () => {
  const key = randomBytes(32);
  expect(signingIdentity(key)).toEqual(signingIdentity(key));
  expect(signingIdentity(randomBytes(32)).published.kid).not.toBe(signingIdentity(key).published.kid);
});
