import { mostUnderWay, refilled, stepSize } from './pace.js';

test('an allowance grows with time up to a second’s worth', () => {
  expect(refilled({ left: 0, at: 1_000 }, 100, 1_250)).toBe(25);
  expect(refilled({ left: 90, at: 1_000 }, 100, 9_000)).toBe(100);
  expect(refilled({ left: 5, at: 2_000 }, 100, 1_000)).toBe(5);
});

test('a rate below one a second saves up for a whole delivery', () => {
  expect(refilled({ left: 0, at: 0 }, 0.5, 1_000)).toBe(0.5);
  expect(refilled({ left: 0, at: 0 }, 0.5, 60_000)).toBe(1);
});

test('a restart does not refill it: what matters is what is stored', () => {
  const spent = refilled({ left: 10, at: 0 }, 10, 0) - 10;
  expect(refilled({ left: spent, at: 0 }, 10, 100)).toBe(1);
});

test('a step takes what is allowed, what there is room for, and no more than fits into a short transaction', () => {
  expect(stepSize({ allowed: 7.9, underWay: 0, rate: 100 })).toBe(7);
  expect(stepSize({ allowed: 100, underWay: 195, rate: 100 })).toBe(5);
  expect(stepSize({ allowed: 100, underWay: 300, rate: 100 })).toBe(0);
  expect(stepSize({ allowed: 1e9, underWay: 0, rate: null })).toBe(1_000);
});

test('what is under way is bounded for every rate', () => {
  expect([0.1, 10, 200, 100_000].map((rate) => mostUnderWay(rate))).toEqual([100, 100, 400, 5_000]);
});
