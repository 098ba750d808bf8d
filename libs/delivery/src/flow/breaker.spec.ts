import fc from 'fast-check';
import { FailureStreak, openedPark, probeDelayMs, prolongedPark } from './breaker.js';

const sign = fc.constantFrom('failing' as const, 'unreachable' as const);

test('one event that always fails opens nothing, as long as something else was sent now and then', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (attempts) => {
      const streak = new FailureStreak();
      for (const [index] of attempts.entries()) {
        expect(streak.note('failing', '1/1/7', index * 3_600_000)).toBe(false);
      }
    }),
  );
});

test('opens after 20 deliveries in a row that failed, or 10 that reached nobody, and not before', () => {
  for (const [kind, count] of [
    ['failing', 20],
    ['unreachable', 10],
  ] as const) {
    const streak = new FailureStreak();
    const opened = Array.from({ length: count }, (_, index) => streak.note(kind, `1/1/${index}`, 0));
    expect(opened.indexOf(true)).toBe(count - 1);
  }
});

test('few deliveries that reach nobody open it when they have done so for a minute', () => {
  const streak = new FailureStreak();
  const opened = [0, 1_000, 6_000, 36_000, 59_999].map((now) => streak.note('unreachable', '1/1/1', now));
  expect(opened).not.toContain(true);
  expect(streak.note('unreachable', '1/1/1', 60_000)).toBe(true);
  expect(streak.since).toBe(0);
});

test('any sign of life begins the count anew', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(sign, fc.nat()), { maxLength: 9 }), (failures) => {
      const streak = new FailureStreak();
      for (let round = 0; round < 5; round += 1) {
        for (const [kind, seq] of failures) expect(streak.note(kind, `1/1/${seq}`, round)).toBe(false);
        streak.note('alive', '1/1/0', round);
        expect(streak.since).toBeUndefined();
      }
    }),
  );
});

test('probes come after 5 s, then twice as long each time, at most 5 min, a fifth more or less', () => {
  const waits = Array.from({ length: 9 }, (_, probes) => probeDelayMs(probes, () => 0.5) / 1000);
  expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  fc.assert(
    fc.property(fc.nat({ max: 100_000 }), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (probes, random) => {
      const middle = Math.min(5_000 * 2 ** probes, 300_000);
      const wait = probeDelayMs(probes, () => random);
      expect(wait).toBeGreaterThanOrEqual(middle * 0.8 - 1);
      expect(wait).toBeLessThanOrEqual(middle * 1.2 + 1);
    }),
  );
});

test('an outage keeps its begin, counts its probes and honours a longer wish for quiet', () => {
  const failure = { error: 'status: 503', now: 10_000, pauseUntil: undefined, random: () => 0.5 };
  let park = openedPark(4_000, failure);
  expect(park).toEqual({ reason: 'failing', since: 4_000, until: 15_000, probes: 0, error: 'status: 503' });
  park = prolongedPark(park, { ...failure, now: 15_000, error: 'refused: x' });
  expect(park).toEqual({ reason: 'failing', since: 4_000, until: 25_000, probes: 1, error: 'refused: x' });
  park = prolongedPark(park, { ...failure, now: 25_000, pauseUntil: 3_600_000 });
  expect(park).toMatchObject({ until: 3_600_000, probes: 2 });
});
