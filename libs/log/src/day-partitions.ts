import type pg from 'pg';
import type { LogLine } from './log-line.js';
import { addDays, dayOf, lastExpiredDay, partitionName, type DailyTable, type Day } from './day.js';
import { dedicatedClient } from './dedicated-client.js';
import { reasonOf } from './failure.js';
import {
  createPartition,
  detachPartition,
  dropPartition,
  finalizeDetach,
  inTransaction,
  listPartitions,
  lockCreation,
  tryLockDropping,
  unlockDropping,
  type DayPartition,
} from './partitions-store.js';
import { buryRetries, expireCursors, longestRetention } from './retention-store.js';

export interface PartitionCounts {
  /** Partitions made. */
  created: number;
  /** Partitions dropped. */
  dropped: number;
  /** Deliveries that no subscription had settled when their event went; counted in cursors.expired. */
  expired: number;
  /** Retries that became dead letters, because their event went. */
  buried: number;
}

export interface DayPartitionsOptions {
  pool: pg.Pool;
  /** For topics without a retention of their own. @default 7 */
  defaultRetentionDays?: number;
  /** @default the system's clock */
  now?: () => Date;
  /** Milliseconds between two rounds. @default 10 minutes */
  intervalMs?: number;
  log?: LogLine;
}

const tables: readonly DailyTable[] = ['events', 'attempts'];

/** Yesterday is looked up by publishes, and three days ahead are time enough to repair what keeps this from running. */
const daysBehind = 1;
const daysAhead = 3;

/**
 * Makes sure that the partitions of these UTC days exist, both of events and of attempts.
 *
 * @returns the names of those that it made
 */
export async function ensureDays(pool: pg.Pool, from: Date, days: number): Promise<string[]> {
  const wanted = Array.from({ length: days }, (_, index) => addDays(dayOf(from), index));
  if ((await missing(pool, wanted)).length === 0) return [];
  const client = await pool.connect();
  try {
    return await inTransaction(client, async () => {
      await lockCreation(client);
      const absent = await missing(client, wanted);
      for (const { table, day } of absent) await createPartition(client, table, day);
      return absent.map(({ table, day }) => partitionName(table, day));
    });
  } finally {
    client.release();
  }
}

async function missing(source: pg.Pool | pg.ClientBase, days: readonly Day[]) {
  const existing = await listPartitions(source);
  const attached = new Set(existing.filter(({ state }) => state !== 'detached').map(({ name }) => name));
  return days
    .flatMap((day) => tables.map((table) => ({ table, day })))
    .filter(({ table, day }) => !attached.has(partitionName(table, day)));
}

/**
 * Keeps the days of the log: makes them ahead of time and drops those that every topic's retention has passed. Any
 * number of processes may run it; one at a time drops.
 */
export class DayPartitions {
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> | undefined;
  private stopped = false;
  private client: pg.Client | undefined;

  constructor(private readonly options: DayPartitionsOptions) {}

  async ensure(from: Date, days: number): Promise<string[]> {
    return ensureDays(this.options.pool, from, days);
  }

  start(): void {
    this.stopped = false;
    this.schedule(0);
  }

  /** Interrupts a round that waits for a reader; the next one, of whichever process, takes it up again. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    void this.client?.end();
    await this.round;
  }

  async runOnce(): Promise<PartitionCounts> {
    const yesterday = new Date(`${addDays(dayOf(this.now()), -daysBehind)}T00:00:00Z`);
    const created = await this.ensure(yesterday, daysBehind + 1 + daysAhead);
    const counts: PartitionCounts = { created: created.length, dropped: 0, expired: 0, buried: 0 };
    await this.drop(counts);
    return counts;
  }

  private async drop(counts: PartitionCounts): Promise<void> {
    const cut = await this.cut();
    const due = (await listPartitions(this.options.pool)).filter((partition) => isDue(partition, cut));
    if (due.length === 0) return;
    const client = await this.connect();
    try {
      if (!(await tryLockDropping(client))) return;
      for (const partition of (await listPartitions(client)).filter((each) => isDue(each, cut))) {
        await this.dropDay(client, partition, counts);
      }
      await unlockDropping(client);
    } finally {
      this.client = undefined;
      await client.end().catch(() => {});
    }
  }

  /** Each step leaves a state from which the next round goes on. */
  private async dropDay(client: pg.Client, partition: DayPartition, counts: PartitionCounts): Promise<void> {
    if (partition.state === 'attached') {
      // Before readers lose sight of the day, so that none of them takes the gap for settled.
      await inTransaction(client, async () => this.giveUp(client, partition, counts));
      await detachPartition(client, partition);
    }
    if (partition.state === 'detaching') await finalizeDetach(client, partition);
    await inTransaction(client, async () => {
      await this.giveUp(client, partition, counts);
      await dropPartition(client, partition);
    });
    counts.dropped += 1;
    this.options.log?.('log.day-dropped', { partition: partition.name });
  }

  /** What is still open of a day's events: retries become dead letters, the rest is counted as expired. */
  private async giveUp(client: pg.Client, { table, name, day }: DayPartition, counts: PartitionCounts): Promise<void> {
    if (table !== 'events') return;
    counts.buried += await buryRetries(client, { partition: name, day, now: this.now() });
    counts.expired += await expireCursors(client, name);
  }

  private async cut(): Promise<Day> {
    const { pool, defaultRetentionDays = 7 } = this.options;
    return lastExpiredDay(this.now(), await longestRetention(pool, defaultRetentionDays));
  }

  /** A detach waits as long as somebody reads, and the lock belongs to the session: no pool, no timeout. */
  private async connect(): Promise<pg.Client> {
    const { pool } = this.options;
    const application = pool.options.application_name ?? 'hookcast';
    const client = dedicatedClient(pool, { application_name: `${application} days`, query_timeout: undefined });
    this.client = client;
    await client.connect();
    return client;
  }

  private schedule(afterMs: number): void {
    this.timer = setTimeout(() => {
      this.round = this.runOnce()
        .catch((error: unknown) => this.options.log?.('log.days-failed', { reason: reasonOf(error) }))
        .finally(() => {
          if (!this.stopped) this.schedule(this.options.intervalMs ?? 600_000);
        });
    }, afterMs);
    this.timer.unref();
  }

  private now(): Date {
    return this.options.now?.() ?? new Date();
  }
}

/** An interrupted detach is carried on whatever the retention is now: the day cannot be read any more. */
function isDue({ day, state }: DayPartition, cut: Day): boolean {
  return day <= cut || state === 'detaching';
}
