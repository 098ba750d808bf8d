import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { hmacSha256, padKey } from './hmac.js';

const oracle = (key: Buffer, prefix: string, body: Buffer) =>
  createHmac('sha256', key).update(prefix).update(body).digest('base64');

test('is what node:crypto makes of the same, for keys and texts of every length and kind', () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' });
  fc.assert(
    fc.property(bytes(64), fc.string({ unit: 'binary', maxLength: 80 }), bytes(20_000), (key, prefix, body) => {
      const [keyBytes, bodyBytes] = [Buffer.from(key), Buffer.from(body)];
      expect(hmacSha256(padKey(keyBytes), prefix, bodyBytes)).toBe(oracle(keyBytes, prefix, bodyBytes));
    }),
  );
});

test.each([0, 1, 16_380, 16_381, 16_384, 16_385, 1_000_000])('also of a body of %i bytes', (length) => {
  const [key, body] = [Buffer.alloc(32, 7), Buffer.alloc(length, 'x')];
  for (const prefix of ['', 'a', 'é', '\u{1F600}', '\uD800', 'id.1.']) {
    expect(hmacSha256(padKey(key), prefix, body)).toBe(oracle(key, prefix, body));
  }
});

test('nothing of a longer text or another key is left in the next one', () => {
  const key = padKey(Buffer.alloc(24, 1));
  const short = () => hmacSha256(key, 'a.1.', Buffer.from('{}'));
  const before = short();
  hmacSha256(padKey(Buffer.alloc(64, 0xff)), 'longer.1.', Buffer.alloc(10_000, 0xff));
  expect(short()).toBe(before);
});

// RFC 4231, test cases 1 and 2.
test.each([
  [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
])('agrees with RFC 4231', (key, text, hex) => {
  const padded = padKey(key);
  expect(Buffer.from(hmacSha256(padded, '', Buffer.from(text)), 'base64').toString('hex')).toBe(hex);
  expect(Buffer.from(hmacSha256(padded, text, Buffer.alloc(0)), 'base64').toString('hex')).toBe(hex);
});

test('a key that RFC 2104 would have hashed first is refused', () => {
  expect(() => padKey(Buffer.alloc(65))).toThrow(RangeError);
});
