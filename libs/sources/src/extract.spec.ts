import { field, fieldText, fieldValue, time, type Part } from './extract.js';
import { Inbound } from './inbound.js';

const part = (value: unknown): Part => ({
  request: new Inbound({ method: 'POST', url: '/', headers: [], body: Buffer.alloc(0) }),
  value,
  data: Buffer.alloc(0),
  contentType: 'application/json',
  index: 0,
});

test('reads texts, numbers and booleans along a path', () => {
  const value = { a: [{ b: 'x' }, 7], t: true, e: '', n: null, o: {}, 'with.dot': 1.5 };
  expect(['a/0/b', 'a/1', 't', 'with.dot'].map((path) => fieldText(value, path))).toEqual(['x', '7', 'true', '1.5']);
  expect(
    ['e', 'n', 'o', 'a', 'a/2', 'a/0/b/c', 'missing'].map((path) => fieldText(value, path)).filter(Boolean),
  ).toEqual([]);
});

test('finds only what the JSON said, not what objects inherit', () => {
  for (const path of ['__proto__', 'constructor/name', 'toString', 'a/constructor']) {
    expect(fieldValue({ a: [] }, path)).toBeUndefined();
  }
  expect(fieldText(JSON.parse('{"__proto__":{"id":"own"}}'), '__proto__/id')).toBe('own');
});

test('a whole number that was rounded is no id', () => {
  expect(fieldText(JSON.parse('{"id":12345678901234567890}'), 'id')).toBeUndefined();
  expect(fieldText(JSON.parse('{"id":9007199254740991}'), 'id')).toBe('9007199254740991');
});

test.each([
  ['1795000000', 's', '2026-11-18T11:06:40.000Z'],
  ['1795000000123', 'ms', '2026-11-18T11:06:40.123Z'],
  ['2026-11-18T11:06:40.123456789Z', 'iso', '2026-11-18T11:06:40.123Z'],
  ['2026-11-18T12:06:40+01:00', 'iso', '2026-11-18T11:06:40.000Z'],
  ['1e3', 's', undefined],
  ['9999999999999999', 'ms', undefined],
  ['9999999999999999', 's', undefined],
  ['2026-13-18T11:06:40Z', 'iso', undefined],
  ['2026-11-18', 'iso', undefined],
  ['yesterday', 'iso', undefined],
] as const)('time %s in %s is %s', (text, unit, expected) => {
  expect(time(field('at'), unit)(part({ at: text }))?.toISOString()).toBe(expected);
});
