import type pg from 'pg';
import { sweepOperations } from './operations/operation-run-store.js';
import { OwnershipStore } from './ownership/ownership-store.js';
import { dropOrphanedBuckets } from './flow/rate-store.js';
import { dropOrphanedRetries } from './retries/retry-store.js';
import { dropStats } from './history/stats-store.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Days that a finished operation can be looked up. */
const keepOperationsDays = 7;

/** Sweeps up what is left behind: rows of workers long dead, minutes that nobody asks for, retries nobody will send. */
export class DeliveryJanitor {
  constructor(private readonly options: { pool: pg.Pool; now?: () => number; keepStatsDays?: number }) {}

  async runOnce(): Promise<{ workers: number; minutes: number; retries: number; buckets: number; operations: number }> {
    const { pool, now = Date.now, keepStatsDays = 7 } = this.options;
    return {
      workers: await new OwnershipStore(pool).forgetWorkers(hourMs),
      minutes: await dropStats(pool, new Date(now() - keepStatsDays * dayMs)),
      retries: await dropOrphanedRetries(pool),
      buckets: await dropOrphanedBuckets(pool),
      operations: await sweepOperations(pool, keepOperationsDays),
    };
  }
}
