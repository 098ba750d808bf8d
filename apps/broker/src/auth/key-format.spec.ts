import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { issueKey, keyBytes, keyHash, keyIdOf } from './key-format.js';

const random = fc.uint8Array({ minLength: keyBytes, maxLength: keyBytes }).map((bytes) => Buffer.from(bytes));

test('every key has one length, names its id and is recognised', () => {
  fc.assert(
    fc.property(random, (bytes) => {
      const key = issueKey(bytes);
      expect(key.text).toMatch(/^hc_[0-9A-Za-z]{11}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
      expect(keyIdOf(key.text)).toBe(key.id);
      expect(key.text.endsWith(key.hint)).toBe(true);
    }),
  );
});

test('other secrets make other keys', () => {
  fc.assert(
    fc.property(random, random, (one, other) => {
      fc.pre(!one.equals(other));
      expect(issueKey(one).text).not.toBe(issueKey(other).text);
    }),
  );
});

test('no single changed character is taken for a key', () => {
  const { text } = issueKey(randomBytes(keyBytes));
  for (let at = 0; at < text.length; at += 1) {
    for (const other of ['0', 'z', '_', ' ', 'é']) {
      if (text[at] === other) continue;
      expect(keyIdOf(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
    }
  }
});

test('no two neighbours change places unnoticed', () => {
  const { text } = issueKey(randomBytes(keyBytes));
  for (let at = 0; at < text.length - 1; at += 1) {
    const swapped = text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
    if (swapped !== text) expect(keyIdOf(swapped)).toBeUndefined();
  }
});

test('arbitrary text is no key', () => {
  fc.assert(fc.property(fc.string(), (text) => keyIdOf(text) === undefined));
});

test('a known key stays recognised: the format does not drift', () => {
  const { text, id } = issueKey(Buffer.alloc(keyBytes, 7));
  expect(text).toBe('hc_0bPELAU4eqF_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF1_24HkJ5');
  expect(issueKey(Buffer.alloc(keyBytes, 8), id).id).toBe(id);
});

test('what is kept is the SHA-256 of the whole key', () => {
  const { text, hash } = issueKey(randomBytes(keyBytes));
  expect(hash).toEqual(createHash('sha256').update(text).digest());
  expect(keyHash(text)).toEqual(hash);
});
