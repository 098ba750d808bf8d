import { EvenPace } from './even-pace.js';

/** How many go at each look, every so many milliseconds, of plenty that wait. */
function looks(count: number, { everyMs, rate }: { everyMs: number; rate: number }): number[] {
  const pace = new EvenPace();
  return Array.from({ length: count }, (_, index) => pace.take(1_000, { rate, now: index * everyMs }));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

test('a second’s worth goes evenly over the second, and a little faster than it comes', () => {
  const released = looks(201, { everyMs: 5, rate: 1_000 });
  expect(Math.max(...released)).toBeLessThanOrEqual(6);
  expect(sum(released)).toBeGreaterThanOrEqual(1_000);
  expect(sum(released)).toBeLessThanOrEqual(1_101);
});

test('what was not used is no burst later', () => {
  const pace = new EvenPace();
  expect(pace.take(1_000, { rate: 200, now: 0 })).toBe(1);
  expect(pace.take(1_000, { rate: 200, now: 60_000 })).toBe(22);
  expect(pace.take(1_000, { rate: 200, now: 60_000 })).toBe(0);
});

test('below one a second whole deliveries go, each when its time has come', () => {
  const released = looks(401, { everyMs: 100, rate: 0.1 });
  expect(released.flatMap((count, index) => (count > 0 ? index / 10 : []))).toEqual([0, 9.1, 18.2, 27.3, 36.4]);
});

test('a request of many events is paid for afterwards', () => {
  const pace = new EvenPace();
  expect(pace.take(1, { rate: 100, now: 0 })).toBe(1);
  pace.spend(10);
  expect(pace.take(1, { rate: 100, now: 90 })).toBe(0);
  expect(pace.take(1, { rate: 100, now: 101 })).toBe(1);
});

test.each([
  [1_000, 5],
  [200, 25],
  [100_000, 5],
  [10, 91],
  [0.5, 1_819],
])('at %i a second the next look is after %i ms', (rate, ms) => {
  const pace = new EvenPace();
  pace.take(1, { rate, now: 0 });
  expect(pace.waitMs(rate)).toBe(ms);
});
