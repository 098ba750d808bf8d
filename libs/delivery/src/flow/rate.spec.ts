import fc from 'fast-check';
import { burstOf, TokenLease } from './rate.js';

/** The bucket of rate-store.ts, in memory. */
class Bucket {
  private filledAt = 0;
  private tokens: number;
  constructor(private readonly rate: number) {
    this.tokens = burstOf(rate);
  }
  take(now: number): { tokens: number; waitMs: number } {
    const filled = Math.min(this.tokens + ((now - this.filledAt) / 1000) * this.rate, burstOf(this.rate));
    this.filledAt = now;
    this.tokens = filled % 1;
    return { tokens: Math.floor(filled), waitMs: Math.ceil(((1 - this.tokens) / this.rate) * 1000) };
  }
}

test('whatever the workers do, together they send no more than the rate and a burst for each of them and the bucket', () => {
  const step = fc.record({ worker: fc.nat({ max: 3 }), waitMs: fc.nat({ max: 300 }), wants: fc.nat({ max: 50 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.array(step, { maxLength: 200 }), (rate, steps) => {
      const bucket = new Bucket(rate);
      const leases = Array.from({ length: 4 }, () => new TokenLease());
      let [now, sent] = [0, 0];
      for (const { worker, waitMs, wants } of steps) {
        now += waitMs;
        const lease = leases[worker] ?? new TokenLease();
        if (lease.isWanted(now) && lease.nextAskAt <= now) {
          lease.asked();
          lease.granted({ ...bucket.take(now), askedAt: now, now });
        }
        const count = Math.min(wants, Math.floor(lease.left(now)));
        lease.spend(count);
        sent += count;
        expect(sent).toBeLessThanOrEqual(rate * (now / 1000) + burstOf(rate) + 1e-6);
      }
    }),
  );
});

test('one worker that always has something to send gets the whole rate', () => {
  for (const rate of [0.5, 3, 50, 1000]) {
    const bucket = new Bucket(rate);
    const lease = new TokenLease();
    let sent = 0;
    for (let now = 0; now <= 60_000; now += 5) {
      if (lease.isWanted(now) && lease.nextAskAt <= now) lease.granted({ ...bucket.take(now), askedAt: now, now });
      const count = Math.floor(lease.left(now));
      lease.spend(count);
      sent += count;
    }
    expect(sent / 60).toBeGreaterThan(rate * 0.95);
  }
});

test('what was leased and not needed is gone after a second', () => {
  const lease = new TokenLease();
  lease.granted({ tokens: 10, waitMs: 0, askedAt: 0, now: 0 });
  lease.passTurn();
  expect([lease.left(999), lease.left(1_000)]).toEqual([10, 0]);
  lease.granted({ tokens: 10, waitMs: 0, askedAt: 2_000, now: 2_000 });
  lease.spend(3);
  expect([lease.left(2_999), lease.left(3_000)]).toEqual([7, 0]);
});

test('who waits longer for a turn than tokens last has one of them then', () => {
  const lease = new TokenLease();
  lease.granted({ tokens: 10, waitMs: 0, askedAt: 0, now: 0 });
  expect([lease.left(999), lease.left(60_000), lease.isWanted(60_000)]).toEqual([10, 1, false]);
  lease.spend(1);
  expect([lease.left(60_000), lease.isWanted(60_000)]).toEqual([0, true]);
});

test('what was leased before the worker stood still is gone when it wakes', () => {
  const lease = new TokenLease();
  lease.granted({ tokens: 10, waitMs: 0, askedAt: 0, now: 900 });
  lease.passTurn();
  expect([lease.left(999), lease.left(1_000)]).toEqual([10, 0]);
  lease.granted({ tokens: 10, waitMs: 0, askedAt: 2_000, now: 9_000 });
  expect([lease.left(9_000), lease.isWanted(9_000), lease.nextAskAt]).toEqual([0, true, 9_100]);
});

test('nobody asks twice at a time, nor again at once when the database was away', () => {
  const lease = new TokenLease();
  lease.asked();
  expect(lease.isWanted(0)).toBe(false);
  lease.refused(0);
  expect([lease.isWanted(0), lease.nextAskAt]).toEqual([true, 1_000]);
});

test('at another rate it asks anew, and what was asked for at the old one does not say when', () => {
  const lease = new TokenLease();
  const rarely = { tokens: 0, waitMs: 1_000_000, askedAt: 0, now: 0 };
  lease.granted(rarely);
  lease.waits();
  expect([lease.isWanted(1), lease.isWaiting, lease.nextAskAt]).toEqual([false, true, 1_000_000]);
  lease.rateChanged();
  expect([lease.isWanted(1), lease.isWaiting, lease.nextAskAt]).toEqual([true, false, 0]);
  lease.asked();
  lease.rateChanged();
  expect(lease.isWanted(1)).toBe(false);
  lease.granted(rarely);
  expect([lease.isWanted(1), lease.nextAskAt]).toEqual([true, 100]);
});
