import type pg from 'pg';
import type { LogLine } from '../log-line.js';
import { inTransaction, type DayPartition } from './partitions-store.js';
import { heldDays, outlivedRetention, type RetentionPolicy } from './retention-policy.js';
import {
  buryRetries,
  deleteEvents,
  deleteLast,
  expireCursors,
  forgetExpirations,
  lockCursorsOf,
  outlivedStreams,
  sizeOf,
  streamsInUse,
} from './retention-store.js';

export interface PartitionCounts {
  /** Partitions made. */
  created: number;
  /** Partitions dropped. */
  dropped: number;
  /** Deliveries that no subscription had settled when their event went; counted in cursors.expired. */
  expired: number;
  /** Retries that became dead letters, because their event went. */
  buried: number;
  /** Events deleted from days that topics with a longer retention still need. */
  trimmed: number;
  /** Days that are due to go and stay for subscriptions that have not settled them. */
  held: number;
}

export interface DayClearingOptions {
  policy: RetentionPolicy;
  now: () => Date;
  log: LogLine | undefined;
}

/** Events that one statement deletes: some tens of milliseconds, so that nobody waits for long. */
const deletedAtOnce = 5_000;
const noteDays = 400;
const dayMs = 86_400_000;

/** Decides about events whose time is over, and accounts for those that go before everybody has settled them. */
export class DayClearing {
  constructor(private readonly options: DayClearingOptions) {}

  /** Names of the due days that stay, because subscriptions still need them and the policy lets them. */
  async hold(client: pg.Client, due: readonly DayPartition[], counts: PartitionCounts): Promise<Set<string>> {
    const { policy, log } = this.options;
    if (policy.kind === 'expire') return new Set();
    const days = due.filter(({ table, state }) => table === 'events' && state === 'attached');
    const candidates = [];
    for (const { name, day } of days) {
      const needing = await streamsInUse(client, { partition: name, day });
      candidates.push({ name, isNeeded: needing.length > 0, bytes: await sizeOf(client, name) });
    }
    const held = heldDays(candidates, policy);
    for (const { name, bytes } of held) log?.('log.day-held', { partition: name, bytes, maxBytes: policy.maxBytes });
    counts.held += held.length;
    return new Set(held.map(({ name }) => name));
  }

  /**
   * Deletes what topics with a shorter retention than the day's still have in it. Streams that a subscription has not
   * settled stay under the policy `hold`, until their day goes as a whole.
   */
  async trim(
    client: pg.Client,
    partitions: readonly DayPartition[],
    { counts, defaultDays }: { counts: PartitionCounts; defaultDays: number },
  ): Promise<void> {
    const now = this.options.now();
    for (const partition of partitions) {
      const outlivedDays = outlivedRetention(partition.day, now);
      if (partition.table !== 'events' || partition.state !== 'attached' || outlivedDays < 1) continue;
      const over = await outlivedStreams(client, { partition: partition.name, outlivedDays, defaultDays });
      const going = over.length > 0 ? await this.withoutHeld(client, partition, over) : [];
      if (going.length > 0) await this.trimDay(client, partition, { streamIds: going, counts });
    }
    await forgetExpirations(client, new Date(now.getTime() - noteDays * dayMs));
  }

  /** What is still open of a day's events: retries become dead letters, the rest is counted and noted as expired. */
  async giveUp(
    client: pg.Client,
    { table, name, day }: DayPartition,
    counts: PartitionCounts,
    streamIds?: readonly number[],
  ): Promise<void> {
    if (table !== 'events') return;
    const part = { partition: name, day, now: this.options.now(), ...(streamIds && { streamIds }) };
    await lockCursorsOf(client, part);
    counts.buried += await buryRetries(client, part);
    for (const { streamId, subscriptionId, events } of await expireCursors(client, part)) {
      counts.expired += events;
      this.options.log?.('log.events-expired', { partition: name, streamId, subscriptionId, events });
    }
  }

  private async withoutHeld(client: pg.Client, { name, day }: DayPartition, streamIds: number[]): Promise<number[]> {
    if (this.options.policy.kind === 'expire') return streamIds;
    const inUse = new Set(await streamsInUse(client, { partition: name, day, streamIds }));
    return streamIds.filter((streamId) => !inUse.has(streamId));
  }

  private async trimDay(
    client: pg.Client,
    partition: DayPartition,
    { streamIds, counts }: { streamIds: readonly number[]; counts: PartitionCounts },
  ): Promise<void> {
    const giveUp = async () => this.giveUp(client, partition, counts, streamIds);
    await inTransaction(client, giveUp);
    let trimmed = 0;
    for (const streamId of streamIds) trimmed += await deleteAllButLast(client, partition.name, streamId);
    await inTransaction(client, async () => {
      // A cursor that was created meanwhile began among the events that were about to go.
      await giveUp();
      for (const streamId of streamIds) trimmed += await deleteLast(client, partition.name, streamId);
    });
    counts.trimmed += trimmed;
    this.options.log?.('log.day-trimmed', { partition: partition.name, streams: streamIds.length, events: trimmed });
  }
}

async function deleteAllButLast(client: pg.Client, partition: string, streamId: number): Promise<number> {
  let total = 0;
  for (let afterSeq = 0; ;) {
    const part = { partition, streamId, afterSeq, limit: deletedAtOnce };
    const { events, lastSeq } = await deleteEvents(client, part);
    if (events === 0) return total;
    total += events;
    afterSeq = lastSeq;
  }
}
