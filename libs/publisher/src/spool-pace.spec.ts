import { SpoolPace } from './spool-pace.js';

const batch = { maxEvents: 1_000, maxBytes: 4 * 1024 * 1024 };

test('few events go into a request while the broker is quick', () => {
  const pace = new SpoolPace(batch);
  expect(pace.limits).toEqual({ maxEvents: 50, maxBytes: 1024 * 1024 });
  pace.note(1);
  expect(pace.limits.maxEvents).toBe(50);
  pace.note(8);
  expect(pace.limits.maxEvents).toBe(80);
});

test('a slow broker gets more, step by step and within bounds, and fewer once it is quick', () => {
  const pace = new SpoolPace(batch);
  const sizes = Array.from({ length: 4 }, () => {
    pace.note(800);
    return pace.limits.maxEvents;
  });
  expect(sizes).toEqual([100, 200, 250, 250]);
  pace.note(2);
  expect(pace.limits.maxEvents).toBe(50);
});

test('never more than the publisher’s own bounds', () => {
  const pace = new SpoolPace({ maxEvents: 10, maxBytes: 1_000 });
  pace.note(800);
  expect(pace.limits).toEqual({ maxEvents: 10, maxBytes: 1_000 });
});
