import { parseDuration } from './duration.js';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['30', 30_000],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['0', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '-1s', '1e3', '5 s', '1w', 's', '1.2345s', '9999999999s', 'NaN'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
