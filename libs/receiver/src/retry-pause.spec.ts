import { retryPause } from './retry-pause.js';

const pacing = { baseMs: 500, maxMs: 30_000 };

test.each([
  [1, 1, 500],
  [1, 0, 250],
  [3, 1, 2_000],
  [7, 1, 30_000],
  [900, 0.5, 22_500],
])('after %i failures, with the random number %f, it waits %i ms', (failures, random, expected) => {
  expect(retryPause(failures, pacing, random)).toBe(expected);
});
