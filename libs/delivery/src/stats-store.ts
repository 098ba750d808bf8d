import type pg from 'pg';
import { numberArray, textArray } from './array-literal.js';
import type { MinuteStats } from './stats.js';

/**
 * Writes minutes as they stand. Every worker has rows of its own, so the totals are set and not added to, and a statement
 * may be repeated. Index: primary key.
 */
export async function writeStats(pool: pg.Pool, workerId: string, minutes: readonly MinuteStats[]): Promise<void> {
  await pool.query({
    name: 'delivery-stats',
    text: /* sql */ `
      insert into delivery_stats (subscription_id, minute, worker_id, delivered, failed, dead, durations)
      select u.subscription_id, to_timestamp(u.minute), $1::uuid, u.delivered, u.failed, u.dead, u.durations::int[]
        from unnest($2::int[], $3::float8[], $4::int[], $5::int[], $6::int[], $7::text[])
          as u(subscription_id, minute, delivered, failed, dead, durations)
      on conflict (subscription_id, minute, worker_id) do update
        set delivered = excluded.delivered, failed = excluded.failed, dead = excluded.dead, durations = excluded.durations`,
    values: [
      workerId,
      numberArray(minutes.map(({ subscriptionId }) => subscriptionId)),
      numberArray(minutes.map(({ minute }) => minute / 1000)),
      numberArray(minutes.map(({ delivered }) => delivered)),
      numberArray(minutes.map(({ failed }) => failed)),
      numberArray(minutes.map(({ dead }) => dead)),
      textArray(minutes.map(({ durations }) => numberArray(durations))),
    ],
  });
}

/** Drops minutes older than the time. A scan of a table with one row per subscription, minute and worker. */
export async function dropStats(pool: pg.Pool, before: Date): Promise<number> {
  const dropped = await pool.query(/* sql */ `delete from delivery_stats where minute < $1`, [before]);
  return dropped.rowCount ?? 0;
}
