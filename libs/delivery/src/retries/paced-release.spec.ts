import { AlarmClock } from '../timing/alarm-clock.js';
import type { Sender, WaitingRetry } from '../sending/sender.js';
import { PacedRelease } from './paced-release.js';

/** Deliveries of operations, and time that passes millisecond by millisecond. */
class World {
  now = 1_000;
  share = 1;
  readonly released: { seq: number; at: number }[] = [];
  readonly sender = { held: 0 };
  readonly release: PacedRelease;
  private readonly alarms: AlarmClock;

  constructor() {
    const clock = { now: () => this.now, monotonic: () => this.now };
    this.alarms = new AlarmClock(clock, () => {});
    this.release = new PacedRelease({
      clock,
      alarms: this.alarms,
      share: () => this.share,
      onReleased: ({ seq }) => this.released.push({ seq, at: this.now }),
    });
  }

  add(count: number, operationId: string | null, from = 1): { isDropped: boolean }[] {
    return Array.from({ length: count }, (_, index) => {
      const retry = { seq: from + index, operationId, isDropped: false };
      // Only these of their many members matter here.
      // eslint-disable-next-line typescript/no-unsafe-type-assertion
      this.release.add(retry as unknown as WaitingRetry, this.sender as unknown as Sender);
      return retry;
    });
  }

  pass(ms: number): number {
    const before = this.released.length;
    for (const end = this.now + ms; this.now < end;) {
      this.now += 1;
      this.alarms.ringDue();
    }
    return this.released.length - before;
  }
}

test('what the worker finds at once goes out evenly', () => {
  const world = new World();
  world.release.setRates(new Map([['a', 200]]));
  world.add(400, 'a');
  const perTenth = Array.from({ length: 10 }, () => world.pass(100));
  for (const count of perTenth) expect(Math.abs(count - 22)).toBeLessThanOrEqual(6);
  expect(world.sender.held).toBe(400 - world.released.length);
});

test('each operation has its own rate', () => {
  const world = new World();
  world.release.setRates(
    new Map([
      ['slow', 10],
      ['fast', 500],
    ]),
  );
  world.add(100, 'slow', 1);
  world.add(300, 'fast', 1_001);
  world.pass(500);
  expect(world.released.filter(({ seq }) => seq > 1_000).length).toBeGreaterThan(240);
  expect(world.released.filter(({ seq }) => seq < 1_000).length).toBeLessThanOrEqual(7);
});

test('while live deliveries wait, less of the rate is used', () => {
  const world = new World();
  world.release.setRates(new Map([['a', 100]]));
  world.add(500, 'a');
  const full = world.pass(1_000);
  world.share = 0.1;
  expect([...world.release.slowed()]).toEqual([{ operationId: 'a', pace: 10 }]);
  world.pass(200);
  const little = world.pass(1_000);
  world.share = 1;
  expect([...world.release.slowed()]).toEqual([]);
  world.pass(200);
  expect([full, little, world.pass(1_000)]).toEqual([expect.closeTo(110, -1), 11, expect.closeTo(110, -1)]);
});

test('nothing goes before the rate is known, and everything when there is none', () => {
  const world = new World();
  world.add(50, 'a');
  expect(world.pass(2_000)).toBe(0);
  world.release.setRates(new Map([['a', null]]));
  expect(world.released).toHaveLength(50);
});

test('what belongs to no operation is not held', () => {
  const world = new World();
  world.add(3, null);
  expect(world.sender.held).toBe(0);
});

test('what was dropped meanwhile is not released, and makes room', () => {
  const world = new World();
  world.release.setRates(new Map([['a', 100]]));
  for (const retry of world.add(30, 'a')) retry.isDropped = true;
  world.pass(100);
  expect([world.released.length, world.sender.held]).toEqual([1, 0]);
});

test('the last one of an operation goes out, however late it comes', () => {
  const world = new World();
  world.release.setRates(new Map([['a', 1]]));
  world.add(1, 'a', 1);
  world.pass(60_000);
  world.release.setRates(new Map());
  world.add(1, 'a', 2);
  world.release.setRates(new Map([['a', 1]]));
  world.pass(1_000);
  expect(world.released.map(({ seq }) => seq)).toEqual([1, 2]);
});
