import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';
import type { OwnedStream, StreamCursor } from '../reading/owned-stream.js';
import { RecentChanges } from './recent-changes.js';
import type { RetryStore, StoredRetry } from './retry-store.js';
import { retryKey, type Sender, type WaitingRetry } from '../sending/sender.js';
import type { SettleBatch } from '../settling/settle-batch.js';

export interface RetryBookOptions {
  store: Pick<RetryStore, 'due' | 'sweep'>;
  clock: Clock;
  alarms: AlarmClock;
  /** How far ahead rows are read, so that they are sent to the millisecond; longer than the time between two scans. */
  lookaheadMs: number;
  /** Rows of one scan. More than that, and each subscription finds its own. */
  scanLimit: number;
  sendersById: ReadonlyMap<number, Sender>;
  streamsById: ReadonlyMap<number, OwnedStream>;
  /** The retry's time has come. */
  onDue(retry: WaitingRetry, sender: Sender): void;
  /** Nothing is being read any more. */
  onIdle(): void;
}

/**
 * Knows the waiting deliveries whose time is near. Rows come into memory by their time, up to a bound for each
 * subscription; one that has more, or was paused, is "swept": its due rows are read in pages, as it sends them.
 */
export class RetryBook {
  /** Rows due up to here are in memory, except those of swept subscriptions. Unix milliseconds. */
  private horizon = 0;
  private isScanning = false;
  private readonly sweeps = new Map<Sender, Map<number, number>>();
  private readonly sweeping = new Set<Sender>();
  /** Streams whose rows were not read yet. */
  private readonly fresh = new Set<OwnedStream>();
  /** Rows this worker has written or removed while others were being read. */
  private readonly changes = new RecentChanges();

  constructor(private readonly options: RetryBookOptions) {}

  get isIdle(): boolean {
    return this.changes.readsUnderWay === 0;
  }

  addStream(stream: OwnedStream): void {
    this.fresh.add(stream);
  }

  /** A cursor begins. Rows it may have lie before the horizon, so only a sweep, or the first scan of its stream, finds them. */
  addCursor(cursor: StreamCursor, sender: Sender): void {
    if (!this.fresh.has(cursor.stream)) sender.isSwept = true;
    this.sweeps.delete(sender);
  }

  /** Forgets what waits for a cursor that is closed. */
  dropCursor(cursor: StreamCursor, sender: Sender): void {
    for (const [key, retry] of sender.retries) {
      if (retry.cursor !== cursor) continue;
      retry.isDropped = true;
      sender.retries.delete(key);
    }
    this.sweeps.get(sender)?.delete(cursor.stream.streamId);
  }

  /** Reads what has come near since the last scan. */
  async scan(): Promise<void> {
    if (this.isScanning) return;
    this.isScanning = true;
    try {
      await this.readNear();
      for (const sender of this.options.sendersById.values()) if (sender.isSwept) await this.sweep(sender);
    } finally {
      this.isScanning = false;
    }
  }

  /** Rows were written or removed by this worker. */
  committed({ finished, retries }: SettleBatch): void {
    for (const { cursor, seq } of finished) this.forget(cursor, seq);
    for (const row of retries) {
      const sender = this.senderOf(row.cursor);
      const isKnown = this.isInMemory(row);
      if (!isKnown) this.forget(row.cursor, row.seq);
      if (!sender || isKnown || row.cursor.isClosed || row.at > this.horizon) continue;
      // A swept subscription finds it later; a sweep that is under way may have been too early to see it.
      if (sender.isSwept) this.sweeps.delete(sender);
      else this.remember(sender, row.cursor, row);
    }
    for (const { cursor } of [...finished, ...retries]) this.sweepSoon(cursor);
  }

  /** A read may find a row before this worker hears that it was stored; it may even have been sent again since. */
  private isInMemory({ cursor, seq, attempts }: SettleBatch['retries'][number]): boolean {
    const known = this.senderOf(cursor)?.retries.get(retryKey(cursor.stream.streamId, seq));
    return known !== undefined && known.attempts >= attempts;
  }

  private async readNear(): Promise<void> {
    const { clock, lookaheadMs, streamsById } = this.options;
    const from = this.horizon;
    const until = Math.max(from, clock.now() + lookaheadMs);
    const streams = [...streamsById.values()];
    const fresh = streams.filter((stream) => this.fresh.has(stream));
    const known = streams.filter((stream) => !this.fresh.has(stream));
    this.fresh.clear();
    // Before the read: a row that is committed meanwhile and falls due in this time is taken in when it is committed.
    this.horizon = until;
    try {
      await this.readDue(known, from, until);
      await this.readDue(fresh, 0, until);
    } catch (error) {
      this.sweepAll(streams);
      throw error;
    }
  }

  private async readDue(streams: readonly OwnedStream[], from: number, until: number): Promise<void> {
    if (streams.length === 0) return;
    const { store, scanLimit, sendersById } = this.options;
    const except = [...sendersById.values()].filter((sender) => sender.isSwept).map((sender) => sender.subscriptionId);
    const streamIds = streams.map(({ streamId }) => streamId);
    const query = { streamIds, after: new Date(from), until: new Date(until), except, limit: scanLimit };
    await this.changes.reading(
      async () => store.due(query),
      (rows, hasChanged) => {
        for (const row of rows) this.offer(row, hasChanged);
        if (rows.length >= scanLimit) this.sweepAll(streams);
      },
    );
  }

  private sweepAll(streams: readonly OwnedStream[]): void {
    for (const stream of streams) {
      for (const cursor of stream.cursors.values()) {
        const sender = this.senderOf(cursor);
        if (sender) sender.isSwept = true;
      }
    }
  }

  private sweepSoon(cursor: StreamCursor): void {
    const sender = this.senderOf(cursor);
    // The next scan tries again when the read fails.
    if (sender?.isSwept) void this.sweep(sender).catch(() => {});
  }

  /** Reads a page of the subscription's due rows, when it has sent half of what it had. */
  private async sweep(sender: Sender): Promise<void> {
    if (!sender.isActive || this.sweeping.has(sender) || sender.retries.size > sender.retryBound / 2) return;
    this.sweeping.add(sender);
    try {
      await this.sweepPage(sender);
    } finally {
      this.sweeping.delete(sender);
      if (this.isIdle) this.options.onIdle();
    }
  }

  private async sweepPage(sender: Sender): Promise<void> {
    const places = this.placesOf(sender);
    const isWhole = [...places.values()].every((seq) => seq === 0);
    const until = this.horizon;
    const query = {
      subscriptionId: sender.subscriptionId,
      places: [...places].map(([streamId, afterSeq]) => ({ streamId, afterSeq })),
      until: new Date(until),
      // Fewer than half of them are known already, so there is something new in each page.
      limitPerStream: sender.retryBound,
    };
    await this.changes.reading(
      async () => this.options.store.sweep(query),
      (rows, hasChanged) => {
        const isComplete = this.offerPage(rows, places, hasChanged) && !someStreamHas(rows, query.limitPerStream);
        // Taken out of the map meanwhile: a row was written that this read may have missed. Horizon moved: a scan has
        // passed over rows that fell due meanwhile, in the belief that sweeps find them.
        const isCurrent = this.sweeps.get(sender) === places && this.horizon === until;
        if (isComplete) this.sweeps.delete(sender);
        if (isComplete && isWhole && isCurrent) sender.isSwept = false;
      },
    );
  }

  /** False when the subscription could not take all rows; `places` says how far it came. */
  private offerPage(rows: readonly StoredRetry[], places: Map<number, number>, hasChanged: HasChanged): boolean {
    for (const row of rows) {
      if (!this.offer(row, hasChanged)) return false;
      places.set(row.streamId, row.seq);
    }
    return true;
  }

  private placesOf(sender: Sender): Map<number, number> {
    const known = this.sweeps.get(sender);
    if (known) return known;
    const places = new Map([...sender.cursors].map((cursor) => [cursor.stream.streamId, 0] as const));
    this.sweeps.set(sender, places);
    return places;
  }

  /** False when the subscription has as many in memory as it may. */
  private offer(row: StoredRetry, hasChanged: HasChanged): boolean {
    const sender = this.options.sendersById.get(row.subscriptionId);
    const cursor = this.options.streamsById.get(row.streamId)?.cursors.get(row.subscriptionId);
    if (!sender || !cursor || hasChanged(`${cursor.key}/${row.seq}`)) return true;
    return this.remember(sender, cursor, row);
  }

  private remember(sender: Sender, cursor: StreamCursor, row: NearRetry): boolean {
    const key = retryKey(cursor.stream.streamId, row.seq);
    const known = sender.retries.get(key);
    if (known && (known.isTaken || known.at <= row.at)) return true;
    // Somebody asked for it to be sent at once.
    if (known) known.isDropped = true;
    sender.retries.delete(key);
    if (!sender.isActive || sender.retries.size >= sender.retryBound) {
      sender.isSwept = true;
      return false;
    }
    const { seq, eventAt, attempts, kind, at, operationId, isRepeat } = row;
    const retry: WaitingRetry = {
      cursor,
      seq,
      eventAt,
      attempts,
      kind,
      at,
      operationId,
      isRepeat,
      queued: false,
      event: undefined,
      isTaken: false,
      isDropped: false,
    };
    sender.retries.set(key, retry);
    if (at <= this.options.clock.now()) this.options.onDue(retry, sender);
    else this.options.alarms.set(at, () => this.options.onDue(retry, sender));
    return true;
  }

  private forget(cursor: StreamCursor, seq: number): void {
    this.senderOf(cursor)?.retries.delete(retryKey(cursor.stream.streamId, seq));
    this.changes.note(`${cursor.key}/${seq}`);
  }

  private senderOf(cursor: StreamCursor): Sender | undefined {
    return this.options.sendersById.get(cursor.sender.subscriptionId);
  }
}

type HasChanged = (key: string) => boolean;
type NearRetry = Pick<WaitingRetry, 'seq' | 'eventAt' | 'attempts' | 'kind' | 'at' | 'operationId' | 'isRepeat'>;

function someStreamHas(rows: readonly StoredRetry[], limit: number): boolean {
  const counts = new Map<number, number>();
  for (const { streamId } of rows) {
    const count = (counts.get(streamId) ?? 0) + 1;
    if (count >= limit) return true;
    counts.set(streamId, count);
  }
  return false;
}
