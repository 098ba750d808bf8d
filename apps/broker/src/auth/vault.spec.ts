import { createCipheriv, randomBytes } from 'node:crypto';
import { UnsealError, Vault } from './vault.js';

const key = randomBytes(32);
const vault = new Vault({ current: key, others: [] });

/** What the first release wrote. */
function sealedByTheFirstRelease(secret: string, belongsTo: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(belongsTo));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
}

test('a sealed secret opens again for what it belongs to', () => {
  expect(vault.open(vault.seal('whsec_geheim é', 'row 1'), 'row 1')).toBe('whsec_geheim é');
});

test('sealing twice gives different texts, none with the secret or the key in it', () => {
  const [one, two] = [vault.seal('whsec_x', 'row 1'), vault.seal('whsec_x', 'row 1')];
  expect(one).not.toBe(two);
  expect(one).not.toContain('whsec_x');
  for (const form of ['hex', 'base64', 'base64url'] as const) expect(one).not.toContain(key.toString(form));
});

test('it does not open in another row or with another key', () => {
  const sealed = vault.seal('whsec_x', 'row 1');
  expect(() => vault.open(sealed, 'row 2')).toThrow(UnsealError);
  expect(() => new Vault({ current: randomBytes(32), others: [] }).open(sealed, 'row 1')).toThrow(UnsealError);
});

test('while a key is replaced both open, and only the new one seals', () => {
  const next = new Vault({ current: randomBytes(32), others: [key] });
  const [old, first] = [vault.seal('a', 'row 1'), sealedByTheFirstRelease('b', 'row 1')];
  expect([next.open(old, 'row 1'), next.open(first, 'row 1')]).toEqual(['a', 'b']);
  expect([old, first].map((sealed) => next.isCurrent(sealed))).toEqual([false, false]);
  const sealed = next.seal('c', 'row 1');
  expect(next.isCurrent(sealed)).toBe(true);
  expect(() => vault.open(sealed, 'row 1')).toThrow(UnsealError);
});

test('no change of a single byte opens, and neither does a cut text', () => {
  for (const sealed of [vault.seal('whsec_x', 'row 1'), sealedByTheFirstRelease('whsec_x', 'row 1')]) {
    const prefix = sealed.slice(0, sealed.lastIndexOf('.') + 1);
    const bytes = Buffer.from(sealed.slice(prefix.length), 'base64url');
    for (const [index, byte] of bytes.entries()) {
      const changed = Buffer.from(bytes);
      changed[index] = byte ^ 1;
      expect(() => vault.open(`${prefix}${changed.toString('base64url')}`, 'row 1')).toThrow(UnsealError);
    }
    for (const text of ['', 'v1', 'v1.', 'v2.abc', 'v2..', 'v3.a.b', sealed.slice(0, 30), sealed.slice(0, -3)]) {
      expect(() => vault.open(text, 'row 1')).toThrow(UnsealError);
    }
  }
});
