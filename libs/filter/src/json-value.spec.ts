import fc from 'fast-check';
import { JsonError, parseJson, type JsonValue } from './json-value.js';

test('what JSON.parse reads is read alike, integers aside', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(plain(parseJson(text))).toEqual(JSON.parse(text));
    }),
  );
});

test('what JSON.parse refuses is refused', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom(',', '"', '}', ']', '0', '-', 'e', '\\', '\n', ''),
      (text, at, change) => {
        const place = at % (text.length + 1);
        const changed = text.slice(0, place) + change + text.slice(place + 1);
        expect(reads(() => parseJson(changed))).toBe(reads(() => JSON.parse(changed)));
      },
    ),
    { numRuns: 1000 },
  );
});

test.each([
  ['1', 1n],
  ['-0', 0n],
  ['1.0', 1],
  ['1e2', 100],
  ['9007199254740993', 9007199254740993n],
  ['12345678901234567890', 12345678901234567890n],
])('%s becomes the right kind of number', (text, value) => {
  expect(parseJson(text)).toBe(value);
});

test('the last of two members of one name counts, and no name is special', () => {
  expect(parseJson('{"a": 1, "a": 2, "__proto__": 3}')).toEqual(
    new Map([
      ['a', 2n],
      ['__proto__', 3n],
    ]),
  );
});

test('an error says where', () => {
  expect(() => parseJson('{"a": 1,}')).toThrow(JsonError);
  expect(() => parseJson('{"a": 1,}')).toThrow(expect.objectContaining({ offset: 8 }));
});

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function plain(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
}
