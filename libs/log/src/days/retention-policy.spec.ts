import fc from 'fast-check';
import { addDays, lastExpiredDay } from './day.js';
import { heldDays, outlivedRetention, type DueDay } from './retention-policy.js';

const day = (name: string, bytes: number, isNeeded = true): DueDay => ({ name, bytes, isNeeded });
const names = (days: readonly DueDay[]) => days.map(({ name }) => name);

test('nothing is held when days expire', () => {
  expect(heldDays([day('a', 1)], { kind: 'expire' })).toEqual([]);
});

test('days that nobody needs are not held', () => {
  const due = [day('a', 10), day('b', 10, false), day('c', 10)];
  expect(names(heldDays(due, { kind: 'hold', maxBytes: 20 }))).toEqual(['a', 'c']);
});

test('the oldest goes first when the bound is reached, and nothing older than it stays', () => {
  const due = [day('a', 1), day('b', 15), day('c', 10)];
  expect(names(heldDays(due, { kind: 'hold', maxBytes: 20 }))).toEqual(['c']);
});

test('what is held never exceeds the bound and is always the youngest part', () => {
  const days = fc.array(fc.record({ name: fc.string(), bytes: fc.nat(100), isNeeded: fc.boolean() }));
  fc.assert(
    fc.property(days, fc.nat(500), (due, maxBytes) => {
      const held = heldDays(due, { kind: 'hold', maxBytes });
      expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(maxBytes);
      const needed = due.filter(({ isNeeded }) => isNeeded);
      expect(held).toEqual(needed.slice(needed.length - held.length));
    }),
  );
});

test('a day has outlived exactly the retentions that would let it go', () => {
  const now = new Date('2026-11-24T13:00:00Z');
  fc.assert(
    fc.property(fc.nat(30), fc.integer({ min: 1, max: 30 }), (age, retention) => {
      const candidate = addDays('2026-11-24', -age);
      expect(retention <= outlivedRetention(candidate, now)).toBe(candidate <= lastExpiredDay(now, retention));
    }),
  );
});
