import fc from 'fast-check';
import { durationBounds, durationBucket, durationBuckets, durationPercentile, MinuteStats } from './stats.js';

test.each<[number, number]>([
  [0, 0],
  [1, 0],
  [1.5, 1],
  [2, 1],
  [60_000, durationBuckets - 2],
  [60_001, durationBuckets - 1],
])('%s ms belong to bucket %s', (durationMs, bucket) => {
  expect(durationBucket(durationMs)).toBe(bucket);
});

test('nothing counted has no percentile', () => {
  expect(durationPercentile(new MinuteStats(1, 0).durations, 0.95)).toBeNull();
});

test('a percentile lies in the bucket of the attempt at that rank', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 90_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.95, 0.99),
      (durations, share) => {
        const stats = new MinuteStats(1, 0);
        for (const duration of durations) stats.count('delivered', duration);
        const ranked = durations.toSorted((a, b) => a - b)[Math.ceil(share * durations.length) - 1] ?? 0;
        const bucket = durationBucket(ranked);
        const percentile = durationPercentile(stats.durations, share) ?? Number.NaN;
        const last = durationBounds.at(-1) ?? 0;
        expect(percentile).toBeGreaterThanOrEqual(Math.min(durationBounds[bucket - 1] ?? 0, last) - 0.1);
        expect(percentile).toBeLessThanOrEqual((durationBounds[bucket] ?? last) + 0.1);
      },
    ),
  );
});
