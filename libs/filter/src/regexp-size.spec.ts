import { patternSize } from './regexp-size.js';

test.each([
  ['abc', 3],
  ['a{10}', 10],
  ['[a-z]{8}-[0-9]{4}', 13],
  ['\\d{2,5}', 5],
  ['\\{10}', 4],
  ['a{,5}', 5],
  ['(a{10}){10}', 120],
])('%s is %i', (pattern, size) => {
  expect(patternSize(pattern)).toBe(size);
});

test('a repetition of a repetition multiplies', () => {
  expect(patternSize('((a{10}){10}){10}')).toBeGreaterThan(1000);
});
