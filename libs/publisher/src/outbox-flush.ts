import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import type { OutboxPool } from './outbox-listener.js';
import { isWaitingUpTo, lastWaiting } from './outbox-store.js';
import { PublishError } from './publish-error.js';
import { retryDelayMs } from './retry-delay.js';

export interface FlushParts {
  pool: OutboxPool;
  table: string;
  timeoutMs: number;
  /** Publishes some of what waits; tells how much of it has left the queue. */
  round: () => Promise<number>;
}

/** While another relay has the turn, or the broker is away. */
const pacing = { baseMs: 50, maxMs: 1_000 };

/**
 * Runs rounds until what waits now has left the queue, whoever published it.
 *
 * @throws {PublishError} `timeout`
 */
export async function flushOutbox({ pool, table, timeoutMs, round }: FlushParts): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const last = await withClient(pool, async (client) => lastWaiting(client, table));
  if (last === undefined) return;
  for (let idle = 0; ;) {
    const moved = await round();
    if (!(await withClient(pool, async (client) => isWaitingUpTo(client, table, last)))) return;
    if (performance.now() >= deadline) {
      throw new PublishError('timeout', `Events of the outbox still wait after ${timeoutMs} ms.`);
    }
    idle = moved > 0 ? 0 : idle + 1;
    if (idle > 0) await pause(retryDelayMs(idle, pacing, Math.random()));
  }
}

async function withClient<T>(pool: OutboxPool, work: (client: SqlTransaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isUsable = false;
  try {
    const result = await work(client);
    isUsable = true;
    return result;
  } finally {
    client.release(!isUsable);
  }
}
