import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { hasTwins } from './unique-items.js';

test.each<[unknown[], boolean]>([
  [[], false],
  [[1, '1', true, null, 'true', 'null'], false],
  [
    [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ],
    true,
  ],
  [
    [
      [1, 2],
      [2, 1],
    ],
    false,
  ],
  [[['a,b'], ['a', 'b']], false],
  [[0, -0], true],
  [[{ ['__proto__']: 1 }, {}], false],
])('%j has twins: %s', (items, expected) => {
  expect(hasTwins(items)).toBe(expected);
});

test('finds what comparing every item with every other one finds', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 8 }), (values) => {
      const items = JSON.parse(JSON.stringify(values)) as unknown[];
      const twins = items.some((one, index) => items.slice(0, index).some((other) => isDeepStrictEqual(one, other)));
      expect(hasTwins(items)).toBe(twins);
    }),
  );
});
