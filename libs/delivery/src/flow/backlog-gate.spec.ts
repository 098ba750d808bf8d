import { AlarmClock } from '../timing/alarm-clock.js';
import { RoundRobin } from '../sending/round-robin.js';
import type { Sender } from '../sending/sender.js';
import { BacklogGate } from './backlog-gate.js';

/** Subscriptions that would send an event each millisecond. */
class World {
  now = 1_000;
  share = 1;
  sent = 0;
  beside = 0;
  private readonly line = new RoundRobin<Sender>();
  private readonly alarms: AlarmClock;
  private readonly gate: BacklogGate;
  private readonly turns: (() => void)[] = [];

  constructor(private readonly eventsPerRequest = 1) {
    const clock = { now: () => this.now, monotonic: () => this.now };
    this.alarms = new AlarmClock(clock, () => {});
    const { line, alarms } = this;
    const watched = () => this.share;
    const watch = {
      get share() {
        return watched();
      },
      besideOthers: () => void (this.beside += 1),
    };
    this.gate = new BacklogGate({
      clock,
      alarms,
      watch,
      line,
      onOpen: () => {},
      schedule: (work) => void this.turns.push(work),
    });
  }

  join(isBehind: boolean): void {
    // Only these of its many members matter here.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion
    this.line.add({ queued: false, isBehind } as unknown as Sender);
  }

  /** @returns requests that were sent */
  pass(ms: number): number {
    const before = this.sent;
    for (const end = this.now + ms; this.now < end;) {
      this.now += 1;
      this.alarms.ringDue();
      for (const turn of this.turns.splice(0)) turn();
      for (let asked = this.line.size; asked > 0; asked -= 1) this.serve();
    }
    return this.sent - before;
  }

  /** @returns requests that were sent in one turn of the event loop, each of which takes so long */
  turn(requestMs: number): number {
    const before = this.sent;
    for (const turn of this.turns.splice(0)) turn();
    // More often than anybody could be served, and never for ever.
    for (let asked = 0; asked < 100; asked += 1) this.serve(requestMs);
    return this.sent - before;
  }

  private serve(requestMs = 0): void {
    const sender = this.line.next();
    if (sender === undefined || !this.gate.admits(sender)) return;
    this.sent += 1;
    this.now += requestMs;
    if (sender.isBehind) this.gate.passed(this.eventsPerRequest);
    this.line.add(sender);
  }
}

test('a backlog is drained at full speed while nobody waits, and at a part of it while live deliveries do', () => {
  const world = new World();
  world.join(true);
  expect(world.pass(3_000)).toBe(3_000);
  world.share = 0.5;
  world.pass(500);
  expect(world.pass(1_000)).toBeCloseTo(550, -2);
  world.share = 1;
  world.pass(100);
  expect(world.pass(1_000)).toBe(1_000);
  expect(world.beside).toBe(world.sent);
});

test('a hundred events a second are left of it, however long live deliveries wait', () => {
  const world = new World();
  world.join(true);
  world.share = 0.01;
  world.pass(1_000);
  expect(world.pass(1_000)).toBeCloseTo(110, -1);
});

test('events count and not requests', () => {
  const world = new World(10);
  world.join(true);
  world.pass(3_000);
  world.share = 0.1;
  world.pass(1_000);
  expect(world.pass(1_000)).toBeCloseTo(110, -1);
});

test('subscriptions with a backlog share what is left, and those without one are not held', () => {
  const world = new World();
  for (let index = 0; index < 10; index += 1) world.join(true);
  world.share = 0.1;
  world.pass(500);
  const held = world.pass(1_000);
  world.join(false);
  expect(held).toBeLessThanOrEqual(110);
  expect(world.pass(1_000)).toBeGreaterThanOrEqual(1_000 + 80);
});

test('backlogs take a little of each turn of the event loop, all of them by turns', () => {
  const world = new World();
  for (let sender = 0; sender < 200; sender += 1) world.join(true);
  expect(Array.from({ length: 4 }, () => world.turn(0.1))).toEqual([3, 3, 3, 3]);
  world.join(false);
  // Who is not behind sends as often as it is asked.
  expect(world.turn(0.1)).toBeGreaterThan(10);
});
