import fc from 'fast-check';
import { retryAfterMs, retryDelayMs } from './retry-delay.js';

const pacing = { baseMs: 100, maxMs: 5_000 };

test.each([
  [1, 100],
  [2, 200],
  [5, 1_600],
  [7, 5_000],
  [500, 5_000],
])('after %i failures the wait is at most %i ms', (failures, expected) => {
  expect(retryDelayMs(failures, pacing, 1)).toBe(expected);
});

test('jitter takes away at most half', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const full = retryDelayMs(failures, pacing, 1);
      const wait = retryDelayMs(failures, pacing, random);
      expect(wait).toBeGreaterThanOrEqual(full / 2);
      expect(wait).toBeLessThanOrEqual(full);
    }),
  );
});

const now = Date.UTC(2026, 10, 24, 12);

test.each([
  ['seconds', '120', 120_000],
  ['a date', 'Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
  ['a date in the past', 'Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['something else', 'soon', 0],
  ['nothing', undefined, 0],
])('Retry-After with %s', (_, header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});
