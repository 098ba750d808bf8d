import type pg from 'pg';
import { numberArray, textArray } from '../array-literal.js';
import type { MinuteStats } from './stats.js';

/**
 * Writes minutes as they stand. Every worker has rows of its own, so the totals are set and not added to, and a statement
 * may be repeated. They only grow, so one that arrives after a later one has less to say. Index: primary key.
 */
export async function writeStats(pool: pg.Pool, workerId: string, minutes: readonly MinuteStats[]): Promise<void> {
  await pool.query({
    name: 'delivery-stats',
    text: /* sql */ `
      insert into delivery_stats (subscription_id, minute, worker_id, delivered, failed, dead, durations, filter_errors)
      select u.subscription_id, to_timestamp(u.minute), $1::uuid, u.delivered, u.failed, u.dead, u.durations::int[], u.filter_errors
        from unnest($2::int[], $3::float8[], $4::int[], $5::int[], $6::int[], $7::text[], $8::int[])
          as u(subscription_id, minute, delivered, failed, dead, durations, filter_errors)
      on conflict (subscription_id, minute, worker_id) do update
        set delivered = excluded.delivered, failed = excluded.failed, dead = excluded.dead, durations = excluded.durations,
            filter_errors = excluded.filter_errors
        where delivery_stats.delivered + delivery_stats.failed + delivery_stats.dead + delivery_stats.filter_errors
              <= excluded.delivered + excluded.failed + excluded.dead + excluded.filter_errors`,
    values: [
      workerId,
      numberArray(minutes.map(({ subscriptionId }) => subscriptionId)),
      numberArray(minutes.map(({ minute }) => minute / 1000)),
      numberArray(minutes.map(({ delivered }) => delivered)),
      numberArray(minutes.map(({ failed }) => failed)),
      numberArray(minutes.map(({ dead }) => dead)),
      textArray(minutes.map(({ durations }) => numberArray(durations))),
      numberArray(minutes.map(({ filterErrors }) => filterErrors)),
    ],
  });
}

/**
 * When the first attempt failed after which none has succeeded, by the minutes of all workers; not before the
 * subscription was changed last, as by a resume or with a new URL. Undefined when the last one has succeeded. A few
 * workers' minutes of some days. Index: primary key.
 *
 * @param options.withDead deliveries that were given up count too, as where no attempt is ever repeated
 */
export async function failingSince(
  pool: pg.Pool,
  subscriptionId: number,
  { withDead }: { withDead: boolean },
): Promise<number | undefined> {
  const found = await pool.query<{ since: Date | null }>({
    name: 'failing-since',
    text: /* sql */ `
      select greatest(min(d.minute), (select updated_at from subscriptions where id = $1)) as since
        from delivery_stats d
       where d.subscription_id = $1 and (d.failed > 0 or ($2 and d.dead > 0))
         and d.minute > coalesce((
           select max(s.minute) from delivery_stats s where s.subscription_id = $1 and s.delivered > 0), '-infinity')
      having min(d.minute) is not null`,
    values: [subscriptionId, withDead],
  });
  return found.rows[0]?.since?.getTime();
}

/** Drops minutes older than the time. A scan of a table with one row per subscription, minute and worker. */
export async function dropStats(pool: pg.Pool, before: Date): Promise<number> {
  const dropped = await pool.query(/* sql */ `delete from delivery_stats where minute < $1`, [before]);
  return dropped.rowCount ?? 0;
}
