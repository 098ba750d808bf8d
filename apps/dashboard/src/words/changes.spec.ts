import { changesIn, changeWords } from './changes.js';

test('only what changed is shown of a change', () => {
  expect(changesIn({ a: 1, b: 'x' }, { a: 1, b: 'y', c: null })).toEqual([
    { name: 'b', from: '"x"', to: '"y"' },
    { name: 'c', from: '–', to: 'null' },
  ]);
  expect(changesIn(null, null)).toEqual([]);
});

test('a change in a line names a few members', () => {
  expect([changeWords(null, { a: 1 }), changeWords({ a: 1 }, null)]).toEqual(['made', 'gone']);
  expect(changeWords({ a: 1, updatedAt: 1 }, { a: 2, updatedAt: 2 })).toBe('a');
  expect(changeWords({}, { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 })).toBe('a, b, c, d and 2 more');
});
