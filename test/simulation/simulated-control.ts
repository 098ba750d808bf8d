import { isAskedFor, retryKind } from '../../libs/delivery/src/sending/lanes.js';
import { SettledRanges } from '../../libs/delivery/src/reading/settled-ranges.js';
import type { TokenRequest } from '../../libs/delivery/src/flow/rate-store.js';
import { deliveryKey, type CursorRow, type SimulatedDatabase } from './simulated-database.js';

/** What moved or was asked for by hand, told to whoever watches. */
export interface Moved {
  row: CursorRow;
  /** Positions that need not be delivered any more. */
  skipped: number[];
  /** Positions that are delivered again. */
  asked: number[];
}

/** What the API and operations do to the tables of delivery: they follow seek-store.ts, feed-store.ts and rate-store.ts. */
export class SimulatedControl {
  private readonly buckets = new Map<number, { tokens: number; filledAt: number }>();

  constructor(private readonly database: SimulatedDatabase) {}

  /** For each stream of a subscription, a share of the way from its begin to its head. */
  placesAt(subscriptionId: number, share: number): ReadonlyMap<number, number> {
    return new Map(this.cursorsOf(subscriptionId).map((row) => [row.streamId, Math.floor(this.head(row) * share)]));
  }

  /** Moves the cursors of a subscription; everybody else sees all of it at once. */
  seek(subscriptionId: number, targets: ReadonlyMap<number, number>): Moved[] {
    this.database.touch({ subscriptionId });
    return this.cursorsOf(subscriptionId).flatMap((row) => {
      const target = targets.get(row.streamId);
      if (target === undefined) return [];
      const isForward = target > row.settledSeq || (target === row.settledSeq && row.above === '{}');
      return isForward ? this.skip(row, target) : this.goBack(row, target);
    });
  }

  /** Has everything delivered again that was settled before. */
  replay(subscriptionId: number): Moved[] {
    return this.cursorsOf(subscriptionId).map((row) => {
      const settled = SettledRanges.parse(row.settledSeq, row.settledAt, row.above);
      const asked = upTo(row.startSeq, this.head(row)).filter((seq) => settled.has(seq) && !this.waits(row, seq));
      for (const seq of asked) this.feed(row, seq);
      return { row, skipped: [], asked };
    });
  }

  leaseTokens(
    workerId: string,
    { subscriptionId, rate, burst, now }: TokenRequest,
  ): { tokens: number; waitMs: number; received: () => void } {
    const at = now.getTime();
    const bucket = this.buckets.get(subscriptionId) ?? { tokens: burst, filledAt: at };
    const filled = Math.min(burst, bucket.tokens + (Math.max(at - bucket.filledAt, 0) / 1_000) * rate);
    const tokens = Math.floor(filled);
    const left = filled - tokens;
    const received = this.database.watcher.leased(workerId, subscriptionId, tokens);
    const isAhead = bucket.filledAt > at + 10_000;
    this.buckets.set(subscriptionId, { tokens: left, filledAt: isAhead ? at : Math.max(bucket.filledAt, at) });
    return { tokens, waitMs: Math.ceil((Math.max(1 - left, 0) / rate) * 1_000), received };
  }

  private skip(row: CursorRow, target: number): Moved {
    const { retries } = this.database;
    const settled = SettledRanges.parse(row.settledSeq, row.settledAt, row.above);
    const skipped = upTo(row.settledSeq, target).filter((seq) => !settled.has(seq));
    for (const [key, retry] of retries) {
      if (!isOf(retry, row) || retry.seq > target || isAskedFor(retry.kind)) continue;
      retries.delete(key);
      skipped.push(retry.seq);
    }
    settled.addRange(row.settledSeq + 1, target, this.timeOf(row, target));
    const { low: settledSeq, lowAt: settledAt } = settled;
    row.skipped += skipped.length;
    Object.assign(row, { settledSeq, settledAt, above: settled.aboveText(), moves: row.moves + 1 });
    return { row, skipped, asked: [] };
  }

  private goBack(row: CursorRow, target: number): Moved {
    const { retries, deadLetters } = this.database;
    const settled = SettledRanges.parse(row.settledSeq, row.settledAt, row.above);
    const asked = upTo(target, this.head(row));
    row.repeated += asked.filter((seq) => settled.has(seq)).length;
    for (const [key, retry] of retries) {
      if (!isOf(retry, row) || retry.seq <= target) continue;
      retries.delete(key);
      if (!retry.isRepeat) row.repeated -= 1;
    }
    for (const seq of asked) deadLetters.delete(deliveryKey(row.streamId, row.subscriptionId, seq));
    const settledAt = this.timeOf(row, target);
    Object.assign(row, { settledSeq: target, settledAt, above: '{}', moves: row.moves + 1 });
    return { row, skipped: [], asked };
  }

  private feed({ streamId, subscriptionId }: CursorRow, seq: number): void {
    this.database.retries.set(deliveryKey(streamId, subscriptionId, seq), {
      streamId,
      subscriptionId,
      seq,
      eventAt: this.database.streams.get(streamId)?.events[seq - 1]?.createdAt.getTime() ?? 0,
      attempts: 0,
      kind: retryKind.replay,
      at: 0,
      operationId: 'replay',
      isRepeat: true,
    });
  }

  private waits({ streamId, subscriptionId }: CursorRow, seq: number): boolean {
    return this.database.retries.has(deliveryKey(streamId, subscriptionId, seq));
  }

  private cursorsOf(subscriptionId: number): CursorRow[] {
    return [...this.database.cursors.values()].filter((row) => row.subscriptionId === subscriptionId);
  }

  private head({ streamId }: CursorRow): number {
    return this.database.streams.get(streamId)?.events.length ?? 0;
  }

  private timeOf({ streamId }: CursorRow, seq: number): number {
    return this.database.streams.get(streamId)?.events[seq - 1]?.createdAt.getTime() ?? Number.NEGATIVE_INFINITY;
  }
}

const upTo = (after: number, last: number): number[] =>
  Array.from({ length: Math.max(last - after, 0) }, (_, index) => after + 1 + index);

const isOf = (one: { streamId: number; subscriptionId: number }, { streamId, subscriptionId }: CursorRow): boolean =>
  one.streamId === streamId && one.subscriptionId === subscriptionId;
