import fc from 'fast-check';
import { TokenBucket } from './token-bucket.js';

test('a burst goes through, then as much as flows in', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
  expect([1, 2, 3, 4].map(() => bucket.take(0))).toEqual([true, true, true, false]);
  expect(bucket.secondsToNext).toBe(1);
  expect(bucket.take(99)).toBe(false);
  expect(bucket.take(100)).toBe(true);
  expect(bucket.take(100)).toBe(false);
});

test('what is left and when it is full again is told', () => {
  const bucket = new TokenBucket({ perSecond: 2, burst: 10 }, 0);
  for (let turn = 0; turn < 4; turn += 1) bucket.take(0);
  expect([bucket.left, bucket.secondsToFull]).toEqual([6, 2]);
});

test('over any time no more goes through than the burst and what flowed in', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), (waits, perSecond, burst) => {
      const bucket = new TokenBucket({ perSecond, burst }, 0);
      let now = 0;
      let taken = 0;
      for (const wait of waits) {
        now += wait;
        if (bucket.take(now)) taken += 1;
        expect(taken).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6);
      }
    }),
  );
});
