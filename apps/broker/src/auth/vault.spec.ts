import { randomBytes } from 'node:crypto';
import { UnsealError, Vault } from './vault.js';

const vault = new Vault(randomBytes(32));

test('a sealed secret opens again for what it belongs to', () => {
  expect(vault.open(vault.seal('whsec_geheim é', 'row 1'), 'row 1')).toBe('whsec_geheim é');
});

test('sealing twice gives different texts, none with the secret in it', () => {
  const [one, two] = [vault.seal('whsec_x', 'row 1'), vault.seal('whsec_x', 'row 1')];
  expect(one).not.toBe(two);
  expect(one).not.toContain('whsec_x');
});

test('it does not open in another row or with another key', () => {
  const sealed = vault.seal('whsec_x', 'row 1');
  expect(() => vault.open(sealed, 'row 2')).toThrow(UnsealError);
  expect(() => new Vault(randomBytes(32)).open(sealed, 'row 1')).toThrow(UnsealError);
});

test('no change of a single byte opens, and neither does a cut text', () => {
  const sealed = vault.seal('whsec_x', 'row 1');
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (const [index, byte] of bytes.entries()) {
    const changed = Buffer.from(bytes);
    changed[index] = byte ^ 1;
    expect(() => vault.open(`v1.${changed.toString('base64url')}`, 'row 1')).toThrow(UnsealError);
  }
  for (const text of ['', 'v1', 'v1.', 'v2.abc', sealed.slice(0, 30), sealed.slice(0, -3)]) {
    expect(() => vault.open(text, 'row 1')).toThrow(UnsealError);
  }
});
