import fc from 'fast-check';
import { decodeCursor, encodeCursor, type CursorPart } from './cursor.js';

test('a cursor comes back as the key it was made of', () => {
  const names = fc.string({ maxLength: 200 }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(names, fc.nat(), fc.maxSafeNat(), (name, int, bigint) => {
      const key = [name, int, bigint];
      expect(decodeCursor(encodeCursor(key), ['string', 'int', 'bigint'])).toEqual(key);
    }),
  );
});

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each<[string, string, CursorPart]>([
  ['nothing', '', 'string'],
  ['no base64', '%%%', 'string'],
  ['no JSON', Buffer.from('{').toString('base64url'), 'string'],
  ['an object', encoded({ a: 1 }), 'string'],
  ['another length', encoded(['a', 'b']), 'string'],
  ['a number for a name', encoded([1]), 'string'],
  ['a name with NUL', encoded(['a\0']), 'string'],
  ['an over-long name', encoded(['a'.repeat(300)]), 'string'],
  ['nested values', encoded([['a']]), 'string'],
  ['a name for a number', encoded(['1']), 'int'],
  ['a negative number', encoded([-1]), 'int'],
  ['a fraction', encoded([1.5]), 'int'],
  ['a number beyond an integer', encoded([2 ** 31]), 'int'],
  ['a number beyond everything', encoded([1e300]), 'bigint'],
  ['a time beyond the calendar', encoded([8.64e15]), 'time'],
])('a cursor that is %s is refused', (_, text, part) => {
  expect(decodeCursor(text, [part])).toBeUndefined();
});
