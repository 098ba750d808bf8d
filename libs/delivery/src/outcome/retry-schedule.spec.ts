import fc from 'fast-check';
import { retryDelayMs } from './retry-schedule.js';

const retry = { schedule: [1, 5, 30], jitter: 0.2 };

test.each<[string, number, number, number | undefined]>([
  ['waits the first time of the schedule after the first attempt', 1, 0.5, 1_000],
  ['waits the second after the second', 2, 0.5, 5_000],
  ['shortens by the jitter at most', 2, 0, 4_000],
  ['lengthens by the jitter at most', 2, 0.999_999_999, 6_000],
  ['has no further attempt when the schedule has ended', 4, 0.5, undefined],
])('%s', (_name, attempt, random, expected) => {
  expect(retryDelayMs(retry, attempt, () => random)).toBe(expected);
});

test('every wait lies within the jitter around its second', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 172_800 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (seconds, jitter, random) => {
        const wait = retryDelayMs({ schedule: [seconds], jitter }, 1, () => random) ?? Number.NaN;
        expect(wait).toBeGreaterThanOrEqual(Math.floor(seconds * 1000 * (1 - jitter)));
        expect(wait).toBeLessThanOrEqual(Math.ceil(seconds * 1000 * (1 + jitter)));
      },
    ),
  );
});
