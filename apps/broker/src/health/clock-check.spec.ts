import { provenSkewMs } from './clock-check.js';

test.each([
  ['a time within the round trip is none', { before: 1_000, there: 1_005, after: 1_010 }, 0],
  ['an answer that came a minute late is none', { before: 1_000, there: 1_005, after: 61_000 }, 0],
  ['behind by what even the end of the round trip lacks', { before: 1_000, there: 41_500, after: 1_500 }, -40_000],
  ['ahead by what even its start is past', { before: 41_000, there: 1_000, after: 42_000 }, 40_000],
])('%s', (_, times, skewMs) => {
  expect(provenSkewMs(times)).toBe(skewMs);
});
