import fc from 'fast-check';
import { firstWindow, SendWindow } from './window.js';

/** Answers a whole window's worth of requests, `rounds` times: each was sent into a window that was full. */
function rounds(window: SendWindow, count: number, durationMs: (inFlight: number) => number): void {
  for (let round = 0; round < count; round += 1) {
    const inFlight = window.size;
    for (let answer = 0; answer < inFlight; answer += 1) {
      window.answered({ durationMs: durationMs(inFlight), inFlight: window.size });
    }
  }
}

const latency = fc.double({ min: 0, max: 30_000, noNaN: true });
const result = fc.oneof(
  fc.record({ kind: fc.constant('answered' as const), durationMs: latency }),
  fc.record({ kind: fc.constant('failed' as const) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('adjust' as const), ceiling: fc.integer({ min: 1, max: 1000 }) }),
);

test('whatever happens, it stays between 1 and the ceiling', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(result, { maxLength: 300 }), (first, results) => {
      let ceiling = first;
      const window = new SendWindow(ceiling);
      for (const each of results) {
        if (each.kind === 'answered') window.answered({ durationMs: each.durationMs, inFlight: window.size });
        else if (each.kind === 'failed') window.failed(window.size);
        else if (each.kind === 'restart') window.restart();
        else window.adjust((ceiling = each.ceiling));
        expect(window.size).toBeGreaterThanOrEqual(1);
        expect(window.size).toBeLessThanOrEqual(ceiling);
      }
    }),
  );
});

test('a hook that is always equally slow gets its whole ceiling, however slow it is', () => {
  fc.assert(
    fc.property(latency, fc.integer({ min: 1, max: 128 }), (durationMs, ceiling) => {
      const window = new SendWindow(ceiling);
      rounds(window, 8, () => durationMs);
      expect(window.size).toBe(ceiling);
    }),
  );
});

test('a hook that becomes slow for good is sent less for a while, and then its ceiling again', () => {
  const window = new SendWindow(32);
  rounds(window, 20, () => 20);
  rounds(window, 3, () => 2_000);
  expect(window.size).toBeLessThan(32);
  rounds(window, 60, () => 2_000);
  expect(window.size).toBe(32);
});

test('a hook that gets slower the more it is sent finds a window it can serve', () => {
  const window = new SendWindow(512);
  // Eight at a time, 50 ms each: more only wait.
  const sizes: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    rounds(window, 1, (inFlight) => 50 * Math.max(inFlight / 8, 1) ** 2);
    sizes.push(window.size);
  }
  expect(Math.max(...sizes.slice(20))).toBeLessThan(256);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(8);
});

test('jitter of a fast hook is no sign of overload', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.2, max: 100, noNaN: true }), { minLength: 500, maxLength: 1500 }),
      (all) => {
        const window = new SendWindow(128);
        for (const durationMs of all) window.answered({ durationMs, inFlight: window.size });
        expect(window.size).toBe(128);
      },
    ),
    { numRuns: 50 },
  );
});

test('a window of failures halves it once, not once for each of them', () => {
  const window = new SendWindow(64);
  rounds(window, 10, () => 5);
  expect(window.size).toBe(64);
  for (let failure = 0; failure < 64; failure += 1) window.failed(64);
  expect(window.size).toBe(32);
  window.failed(32);
  expect(window.size).toBe(32);
});

test('nothing but failures leaves one request at a time', () => {
  const window = new SendWindow(1000);
  for (let failure = 0; failure < 100; failure += 1) window.failed(window.size);
  expect(window.size).toBe(1);
});

test('begins with a few, doubles every round trip, and begins with one after an outage', () => {
  const window = new SendWindow(1000);
  expect(window.size).toBe(firstWindow);
  rounds(window, 1, () => 5);
  expect(window.size).toBe(2 * firstWindow);
  window.restart();
  const sizes = [window.size];
  for (let round = 0; round < 4; round += 1) {
    rounds(window, 1, () => 5);
    sizes.push(window.size);
  }
  expect(sizes).toEqual([1, 2, 4, 8, 16]);
});

test('a window that is not used does not grow', () => {
  const window = new SendWindow(100);
  for (let answer = 0; answer < 1000; answer += 1) window.answered({ durationMs: 5, inFlight: 2 });
  expect(window.size).toBe(firstWindow);
});
