import fc from 'fast-check';
import { cursorState, follower, ownedStream, storedEvent } from '../../../../test/support/stream-parts.js';
import { silentLog } from '../delivery-log.js';
import { systemClock } from '../timing/clock.js';
import { StreamCursor } from './owned-stream.js';
import { StreamReader } from './stream-reader.js';

/** A stream that grows, read by cursors that come and go; whoever steps it decides when reads are answered. */
class World {
  readonly stream = ownedStream();
  readonly cursors: StreamCursor[];
  readonly seen: number[][];
  private readonly active: boolean[];
  private readonly reader: StreamReader;
  /** Positions before it went with their day. */
  private firstSeq = 1;
  private failures = 0;

  constructor(
    private readonly starts: readonly number[],
    delayed: <T>(value: T) => Promise<T>,
  ) {
    this.reader = new StreamReader({
      log: {
        // At most three events, as when they are large.
        read: async (_ref, after, limit) => {
          const from = Math.max(after.seq + 1, this.firstSeq);
          const count = Math.min(3, limit.events, this.stream.head - from + 1);
          const events = Array.from({ length: Math.max(count, 0) }, (_, index) => storedEvent(from + index));
          const isBroken = this.failures > 0;
          this.failures = 0;
          await delayed(undefined);
          if (isBroken) throw new Error('away');
          return events;
        },
      },
      lines: silentLog,
      clock: systemClock,
      onLiveRead: () => {},
      maxReads: 2,
      maxSharedBytes: () => 1_000_000,
      maxSharedEvents: 6,
      onRead: () => {},
    });
    this.seen = starts.map(() => []);
    this.active = starts.map(() => true);
    this.cursors = starts.map((settledSeq, index) => {
      const cursor = new StreamCursor(this.stream, follower(index, 2), cursorState(settledSeq));
      this.stream.cursors.set(index, cursor);
      return cursor;
    });
    for (const index of starts.keys()) this.resume(index);
  }

  grow(count: number): void {
    this.stream.head += count;
    this.reader.considerStream(this.stream);
  }

  poll(): void {
    this.stream.tail.trim();
    this.reader.considerStream(this.stream);
  }

  breakNextRead(): void {
    this.failures = 1;
  }

  take(index: number): void {
    const cursor = this.cursors[index];
    const event = cursor?.take();
    if (!cursor || !event) return;
    this.seen[index]?.push(event.seq);
    this.reader.consider(cursor);
  }

  pause(index: number): void {
    this.active[index] = false;
    const cursor = this.cursors[index];
    if (cursor) this.stream.unfollow(cursor);
  }

  resume(index: number): void {
    this.active[index] = true;
    const cursor = this.cursors[index];
    if (!cursor) return;
    this.stream.follow(cursor);
    this.reader.consider(cursor);
  }

  expected(index: number): number[] {
    const start = this.starts[index] ?? 0;
    return Array.from({ length: this.stream.head - start }, (_, offset) => start + 1 + offset);
  }
}

const index = fc.nat({ max: 2 });
const step = fc.oneof(
  fc.tuple(fc.constant('grow' as const), fc.integer({ min: 1, max: 12 })),
  fc.tuple(fc.constant('take' as const), index),
  fc.tuple(fc.constant('take' as const), index),
  fc.tuple(fc.constant('pause' as const), index),
  fc.tuple(fc.constant('resume' as const), index),
  fc.tuple(fc.constant('poll' as const), index),
  fc.tuple(fc.constant('breakNextRead' as const), index),
);

test('however reads, growth, pauses and takes interleave: every cursor sees every event once, in order', async () => {
  const starts = fc.array(fc.nat({ max: 8 }), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(starts, fc.array(step, { maxLength: 200 }), fc.scheduler(), async (places, steps, scheduler) => {
      const world = new World(places, async (value) => scheduler.schedule(Promise.resolve(value)));
      world.grow(10);
      for (const [what, argument] of steps) {
        world[what](argument);
        if (scheduler.count() > 1) await scheduler.waitOne();
      }
      for (const each of places.keys()) world.resume(each);
      const isDone = () => places.every((_, each) => (world.seen[each]?.length ?? 0) >= world.expected(each).length);
      for (let round = 0; round < 2_000 && !isDone(); round += 1) {
        world.poll();
        for (const each of places.keys()) world.take(each);
        await (scheduler.count() > 0 ? scheduler.waitOne() : Promise.resolve());
      }
      for (const each of places.keys()) expect(world.seen[each]).toEqual(world.expected(each));
    }),
    { numRuns: 500 },
  );
});

test('the shared feed stays within its bound, however far one cursor lags', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100 }), fc.scheduler(), async (steps, scheduler) => {
      const world = new World([0, 0, 0], async (value) => scheduler.schedule(Promise.resolve(value)));
      world.grow(200);
      for (const [what, argument] of steps) {
        if (what !== 'take' || argument !== 0) world[what](argument);
        world.take(1);
        if (scheduler.count() > 0) await scheduler.waitOne();
        expect(world.stream.tail.buffer.size).toBeLessThanOrEqual(6 + 3 + 128);
      }
    }),
    { numRuns: 50 },
  );
});

/** Two cursors on one stream of ten events, read by pages of three that already exceed the shared budget. */
function tightReader(read: () => Promise<void>) {
  const stream = ownedStream();
  stream.head = 10;
  let reads = 0;
  const reader = new StreamReader({
    log: {
      read: async (_ref, after) => {
        reads += 1;
        // A reader that turns in circles stands still here, so that the test can see it.
        if (reads > 20) await new Promise(() => {});
        await read();
        const count = Math.min(3, stream.head - after.seq);
        return Array.from({ length: count }, (_, offset) => storedEvent(after.seq + 1 + offset));
      },
    },
    lines: silentLog,
    clock: systemClock,
    onLiveRead: () => {},
    maxReads: 2,
    maxSharedBytes: () => 1,
    maxSharedEvents: 6,
    onRead: () => {},
  });
  const cursors = [0, 1].map((subscriptionId) => {
    const cursor = new StreamCursor(stream, follower(subscriptionId, 2), cursorState());
    stream.cursors.set(subscriptionId, cursor);
    stream.follow(cursor);
    return cursor;
  });
  return { stream, reader, cursors, reads: () => reads };
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};

test('the shared feed goes on for one that has joined it ahead of all others, when these have left', async () => {
  const world = new World([0, 4], async (value) => Promise.resolve(value));
  world.grow(5);
  await turns(500);
  // It began beyond what the shared feed had by then, so it has read on its own and joins at the end.
  world.take(1);
  expect(world.cursors[1]?.feed).toBe(world.stream.tail);
  world.pause(0);
  world.poll();
  world.grow(1);
  await turns(500);
  world.take(1);
  expect(world.seen[1]).toEqual([5, 6]);
});

test('a page larger than the shared budget is no lag: each is read once and kept for those that wait for it', async () => {
  const { stream, reader, cursors, reads } = tightReader(async () => {});
  reader.considerStream(stream);
  await turns(500);
  expect(reads()).toBe(4);
  for (const cursor of cursors) expect(cursor.take()?.seq).toBe(1);
});

test('a subscription that lags behind another leaves the shared feed, and the other goes on', async () => {
  const { stream, reader, cursors } = tightReader(async () => {});
  const [fast, slow] = cursors;
  stream.head = 3;
  reader.considerStream(stream);
  await turns(500);
  expect([fast?.take()?.seq, fast?.take()?.seq, fast?.take()?.seq]).toEqual([1, 2, 3]);
  stream.head = 6;
  reader.considerStream(stream);
  await turns(500);
  expect(fast?.take()?.seq).toBe(4);
  expect(slow?.feed).not.toBe(stream.tail);
  expect(slow?.take()?.seq).toBe(1);
});

test('a read that fails is left to the next poll', async () => {
  const { stream, reader, reads } = tightReader(async () => {
    throw new Error('the database is away');
  });
  reader.considerStream(stream);
  await turns(500);
  expect(reads()).toBe(1);
  reader.considerStream(stream);
  await turns(500);
  expect(reads()).toBe(2);
});
