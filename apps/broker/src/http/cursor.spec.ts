import fc from 'fast-check';
import { decodeCursor, encodeCursor } from './cursor.js';

test('a cursor comes back as the key it was made of', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 5 }), (key) => {
      const kinds = key.map((part) => (typeof part === 'string' ? ('string' as const) : ('number' as const)));
      expect(decodeCursor(encodeCursor(key), kinds)).toEqual(key);
    }),
  );
});

test.each([
  ['nothing', ''],
  ['no base64', '%%%'],
  ['no JSON', Buffer.from('{').toString('base64url')],
  ['an object', Buffer.from('{"a":1}').toString('base64url')],
  ['another length', encodeCursor(['a', 'b'])],
  ['another kind', encodeCursor([1])],
  ['nested values', Buffer.from('[["a"]]').toString('base64url')],
])('a cursor that is %s is refused', (_, text) => {
  expect(decodeCursor(text, ['string'])).toBeUndefined();
});
