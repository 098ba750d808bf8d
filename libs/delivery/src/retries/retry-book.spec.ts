import fc from 'fast-check';
import { cursorState, ownedStream, senderSettings } from '../../../../test/support/stream-parts.js';
import { AlarmClock } from '../timing/alarm-clock.js';
import { StreamCursor, type OwnedStream } from '../reading/owned-stream.js';
import { RetryBook } from './retry-book.js';
import type { StoredRetry } from './retry-store.js';
import { RoundRobin } from '../sending/round-robin.js';
import { Sender, type WaitingRetry } from '../sending/sender.js';
import { SettleBatch } from '../settling/settle-batch.js';

const streamIds = [1, 2];
const subscriptionIds = [10, 20];
const rowsPerCursor = 40;
const start = 1_000_000;
const fresh = { eventAt: 0, attempts: 1, kind: 0, operationId: null, isRepeat: false };

/** Small bounds, so that a handful of rows is more than fits. */
class SmallSender extends Sender {
  override get retryBound(): number {
    return 4;
  }
}

/** The rows of retries, a worker that sends and settles them, and time; whoever steps it decides the interleaving. */
class World {
  readonly rows = new Map<string, StoredRetry>();
  readonly streams = new Map<number, OwnedStream>();
  readonly senders = new Map<number, Sender>();
  readonly underWay = new Set<string>();
  readonly sentTwiceAtOnce: string[] = [];
  readonly book: RetryBook;
  private readonly due: { retry: WaitingRetry; sender: Sender }[] = [];
  private readonly taken: { retry: WaitingRetry; key: string }[] = [];
  private readonly alarms: AlarmClock;
  private now = start;
  private firstTries = 0;

  constructor(private readonly delayed: <T>(value: T) => Promise<T>) {
    const clock = { now: () => this.now, monotonic: () => this.now };
    this.alarms = new AlarmClock(clock, () => {});
    this.book = new RetryBook({
      store: {
        // The snapshot is taken when the statement starts; its answer comes later.
        due: async ({ streamIds: wanted, after, until, except, limit }) =>
          this.delayed(
            this.find(
              (row) =>
                wanted.includes(row.streamId) &&
                !except.includes(row.subscriptionId) &&
                (row.at === 0 || (row.at > after.getTime() && row.at <= until.getTime())),
            ).slice(0, limit),
          ),
        sweep: async ({ subscriptionId, places, until, limitPerStream }) =>
          this.delayed(
            places.flatMap(({ streamId, afterSeq }) =>
              this.find(
                (row) =>
                  row.streamId === streamId &&
                  row.subscriptionId === subscriptionId &&
                  row.seq > afterSeq &&
                  row.at <= until.getTime(),
              ).slice(0, limitPerStream),
            ),
          ),
      },
      clock,
      alarms: this.alarms,
      lookaheadMs: 2_500,
      scanLimit: 30,
      sendersById: this.senders,
      streamsById: this.streams,
      onDue: (retry, sender) => void this.due.push({ retry, sender }),
      onIdle: () => {},
    });
    this.build();
  }

  private find(matches: (row: StoredRetry) => boolean): StoredRetry[] {
    return [...this.rows.values()].filter(matches).toSorted((a, b) => a.seq - b.seq);
  }

  private build(): void {
    const line = new RoundRobin<Sender>();
    for (const id of subscriptionIds) this.senders.set(id, new SmallSender(senderSettings(id, 2), line));
    for (const streamId of streamIds) this.own(streamId);
  }

  /** The worker takes the stream over: rows that are there were written by another. */
  own(streamId: number): void {
    const stream = ownedStream(streamId);
    this.streams.set(streamId, stream);
    this.book.addStream(stream);
    for (const sender of this.senders.values()) {
      const cursor = new StreamCursor(stream, sender, cursorState(1_000));
      stream.cursors.set(sender.subscriptionId, cursor);
      sender.cursors.add(cursor);
      this.book.addCursor(cursor, sender);
    }
  }

  addRow(index: number, waitMs: number): void {
    const streamId = streamIds[index % 2] ?? 1;
    const subscriptionId = subscriptionIds[(index >> 1) % 2] ?? 10;
    const at = this.now + waitMs;
    const row = { ...fresh, streamId, subscriptionId, seq: index + 1, at };
    this.rows.set(`${streamId}/${subscriptionId}/${row.seq}`, row);
  }

  /** A redelivery by hand, from another process. */
  hurry(index: number): void {
    const row = [...this.rows.values()][index % Math.max(this.rows.size, 1)];
    if (row) this.rows.set(`${row.streamId}/${row.subscriptionId}/${row.seq}`, { ...row, at: 0, kind: 2 });
  }

  send(): void {
    const next = this.due.shift();
    if (!next || next.retry.isDropped || !next.sender.isActive) return;
    const key = `${next.retry.cursor.key}/${next.retry.seq}`;
    if (this.underWay.has(key)) this.sentTwiceAtOnce.push(key);
    this.underWay.add(key);
    next.retry.isTaken = true;
    this.taken.push({ retry: next.retry, key });
  }

  /** The answer of the oldest request is stored, and the worker hears of it a little later. */
  async settle(waitMs: number | undefined): Promise<void> {
    const next = this.taken.shift();
    if (!next) return;
    const { cursor, seq, eventAt, attempts, kind } = next.retry;
    const batch = new SettleBatch();
    if (waitMs === undefined) {
      this.rows.delete(next.key);
      batch.finished.push({ cursor, seq, kind, hasFailed: false });
    } else {
      const at = this.now + waitMs;
      const { streamId } = cursor.stream;
      const { subscriptionId } = cursor.sender;
      this.rows.set(next.key, { ...fresh, streamId, subscriptionId, seq, eventAt, attempts: attempts + 1, at });
      batch.retries.push({ ...fresh, cursor, seq, eventAt, attempts: attempts + 1, at, error: null });
    }
    await this.delayed(undefined);
    this.underWay.delete(next.key);
    this.book.committed(batch);
  }

  /** A first try has failed: its row is stored, may fall due and be read, and the worker hears of it a little later. */
  async fail(waitMs: number): Promise<void> {
    this.firstTries += 1;
    const index = rowsPerCursor + this.firstTries;
    this.addRow(index, waitMs);
    const row = [...this.rows.values()].at(-1);
    const cursor = row && this.streams.get(row.streamId)?.cursors.get(row.subscriptionId);
    if (!row || !cursor) throw new Error('no such cursor');
    const batch = new SettleBatch();
    batch.retries.push({ cursor, ...row, error: null });
    await this.delayed(undefined);
    this.book.committed(batch);
  }

  setState(index: number, state: 'active' | 'paused'): void {
    const sender = this.senders.get(subscriptionIds[index % 2] ?? 10);
    if (!sender) return;
    sender.apply({ ...sender.settings, subscription: { ...sender.subscription, state } });
    if (state === 'active') return;
    sender.dropRetries();
  }

  advance(ms: number): void {
    this.now += ms;
    this.alarms.ringDue();
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant('scan' as const) }),
  fc.record({ do: fc.constant('send' as const) }),
  fc.record({
    do: fc.constant('settle' as const),
    wait: fc.option(fc.integer({ min: 1, max: 6_000 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('fail' as const), wait: fc.integer({ min: 1, max: 6_000 }) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({ do: fc.constant('pause' as const), index: fc.nat({ max: 1 }) }),
  fc.record({ do: fc.constant('resume' as const), index: fc.nat({ max: 1 }) }),
  fc.record({ do: fc.constant('hurry' as const), index: fc.nat() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function act(world: World, what: Step): Promise<void> | undefined {
  switch (what.do) {
    case 'scan':
      return world.book.scan();
    case 'settle':
      return world.settle(what.wait);
    case 'fail':
      return world.fail(what.wait);
    case 'send':
      world.send();
      return undefined;
    case 'advance':
      world.advance(what.ms);
      return undefined;
    case 'hurry':
      world.hurry(what.index);
      return undefined;
    case 'pause':
    case 'resume':
      world.setState(what.index, what.do === 'pause' ? 'paused' : 'active');
      return undefined;
  }
}

test('however reads, settles and pauses interleave: every waiting row is sent in the end, and none twice at once', async () => {
  const waits = fc.array(fc.integer({ min: -5_000, max: 10_000 }), { minLength: 1, maxLength: rowsPerCursor });
  await fc.assert(
    fc.asyncProperty(waits, fc.array(step, { maxLength: 120 }), fc.scheduler(), async (rows, steps, scheduler) => {
      const world = new World(async (value) => scheduler.schedule(Promise.resolve(value)));
      for (const [index, wait] of rows.entries()) world.addRow(index, wait);
      const pending: Promise<void>[] = [];
      for (const what of steps) {
        const under = act(world, what);
        if (under) pending.push(under);
        if (scheduler.count() > 2) await scheduler.waitOne();
      }
      await scheduler.waitFor(Promise.all(pending));

      for (const index of subscriptionIds.keys()) world.setState(index, 'active');
      for (let round = 0; round < 400 && world.rows.size > 0; round += 1) {
        await scheduler.waitFor(world.book.scan());
        world.advance(1_000);
        for (let sent = 0; sent < 20; sent += 1) world.send();
        for (let settled = 0; settled < 20; settled += 1) await scheduler.waitFor(world.settle(undefined));
      }
      expect([...world.rows.keys()]).toEqual([]);
      expect(world.sentTwiceAtOnce).toEqual([]);
    }),
    { numRuns: 1000 },
  );
}, 60_000);
