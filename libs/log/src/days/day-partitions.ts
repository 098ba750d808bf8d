import type pg from 'pg';
import type { LogLine } from '../log-line.js';
import { addDays, dayOf, lastExpiredDay, partitionName, type DailyTable, type Day } from './day.js';
import { connectUnlessEnded, dedicatedClient } from '../dedicated-client.js';
import { reasonOf } from '../append/failure.js';
import {
  createPartition,
  databaseNow,
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
import { DayClearing, type PartitionCounts } from './day-clearing.js';
import type { RetentionPolicy } from './retention-policy.js';
import { longestRetention } from './retention-store.js';

export interface DayPartitionsOptions {
  pool: pg.Pool;
  /** For topics without a retention of their own. @default 7 */
  defaultRetentionDays?: number;
  /** What becomes of a day that subscriptions still have to deliver from. @default expire */
  policy?: RetentionPolicy;
  /** @default the database's clock */
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
 * Keeps the days of the log: makes them ahead of time, drops those that every topic's retention has passed, and deletes
 * from the others what belongs to topics that keep it for less long. Any number of processes may run it; one at a time
 * drops and deletes.
 */
export class DayPartitions {
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> | undefined;
  private stopped = false;
  private client: pg.Client | undefined;
  /** Of the round under way, or the last one. */
  private now = new Date(0);

  private readonly clearing: DayClearing;

  constructor(private readonly options: DayPartitionsOptions) {
    const { policy = { kind: 'expire' }, log } = options;
    this.clearing = new DayClearing({ policy, log, now: () => this.now });
  }

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
    const { pool, now } = this.options;
    this.now = now?.() ?? (await databaseNow(pool));
    const yesterday = new Date(`${addDays(dayOf(this.now), -daysBehind)}T00:00:00Z`);
    const created = await this.ensure(yesterday, daysBehind + 1 + daysAhead);
    const counts: PartitionCounts = { created: created.length, dropped: 0, expired: 0, buried: 0, trimmed: 0, held: 0 };
    await this.clear(counts);
    return counts;
  }

  /** Drops the days that are due, and deletes from those that are over for some topics only. */
  private async clear(counts: PartitionCounts): Promise<void> {
    const cut = await this.cut();
    const isOver = ({ table, day, state }: DayPartition) =>
      day <= cut || state === 'detaching' || (table === 'events' && day <= lastExpiredDay(this.now, 1));
    if (!(await listPartitions(this.options.pool)).some(isOver)) return;
    if (this.stopped) return;
    const client = await this.connect();
    try {
      if (!(await tryLockDropping(client))) return;
      const partitions = await listPartitions(client);
      const due = partitions.filter((partition) => isDue(partition, cut));
      const held = await this.clearing.hold(client, due, counts);
      for (const partition of due) if (!held.has(partition.name)) await this.dropDay(client, partition, counts);
      const standing = partitions.filter(({ name }) => held.has(name) || !due.some((each) => each.name === name));
      await this.clearing.trim(client, standing, { counts, defaultDays: this.defaultDays });
      await unlockDropping(client);
    } finally {
      this.client = undefined;
      await client.end().catch(() => {});
    }
  }

  /** Each step leaves a state from which the next round goes on. */
  private async dropDay(client: pg.Client, partition: DayPartition, counts: PartitionCounts): Promise<void> {
    const giveUp = async () => this.clearing.giveUp(client, partition, counts);
    if (partition.state === 'attached') {
      // Before readers lose sight of the day, so that none of them takes the gap for settled.
      await inTransaction(client, giveUp);
      await detachPartition(client, partition);
    }
    if (partition.state === 'detaching') await finalizeDetach(client, partition);
    await inTransaction(client, async () => {
      await giveUp();
      await dropPartition(client, partition);
    });
    counts.dropped += 1;
    this.options.log?.('log.day-dropped', { partition: partition.name });
  }

  private get defaultDays(): number {
    return this.options.defaultRetentionDays ?? 7;
  }

  private async cut(): Promise<Day> {
    return lastExpiredDay(this.now, await longestRetention(this.options.pool, this.defaultDays));
  }

  /** A detach waits as long as somebody reads, and the lock belongs to the session: no pool, no timeout. */
  private async connect(): Promise<pg.Client> {
    const { pool } = this.options;
    const application = pool.options.application_name ?? 'hookcast';
    const client = dedicatedClient(pool, { application_name: `${application} days`, query_timeout: undefined });
    this.client = client;
    await connectUnlessEnded(client);
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
}

/** An interrupted detach is carried on whatever the retention is now: the day cannot be read any more. */
function isDue({ day, state }: DayPartition, cut: Day): boolean {
  return day <= cut || state === 'detaching';
}
