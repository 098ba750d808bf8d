import type pg from 'pg';
import { durationPercentile } from './stats.js';

/** What the attempts of one subscription came to within one minute. */
export interface DeliveryMinute {
  minute: Date;
  delivered: number;
  failed: number;
  dead: number;
  p95Ms: number | null;
}

interface MinuteRow {
  minute: Date;
  delivered: number;
  failed: number;
  dead: number;
  durations: number[];
}

/** Minutes since a time in which something was sent, oldest first. Index: primary key of delivery_stats. */
export async function deliveryMinutes(pool: pg.Pool, subscriptionId: number, since: Date): Promise<DeliveryMinute[]> {
  const { rows } = await pool.query<MinuteRow>(
    /* sql */ `
    select minute, delivered, failed, dead, durations from delivery_stats
     where subscription_id = $1 and minute >= $2 and delivered + failed + dead > 0 order by minute`,
    [subscriptionId, since],
  );
  // Each worker counts for itself, so a minute may have several rows.
  const byMinute = new Map<number, MinuteRow[]>();
  for (const row of rows) byMinute.set(row.minute.getTime(), [...(byMinute.get(row.minute.getTime()) ?? []), row]);
  return [...byMinute].map(([minute, parts]) => ({ minute: new Date(minute), ...added(parts) }));
}

/** The same for several subscriptions together, without durations: one row a minute. Index: primary key. */
export async function busMinutes(
  pool: pg.Pool,
  subscriptionIds: readonly number[],
  since: Date,
): Promise<Omit<DeliveryMinute, 'p95Ms'>[]> {
  const { rows } = await pool.query<Record<'delivered' | 'failed' | 'dead', string> & { minute: Date }>(
    /* sql */ `
    select minute, sum(delivered) as delivered, sum(failed) as failed, sum(dead) as dead from delivery_stats
     where subscription_id = any($1::int[]) and minute >= $2 group by minute order by minute`,
    [subscriptionIds, since],
  );
  return rows.map(({ minute, delivered, failed, dead }) => ({
    minute,
    delivered: Number(delivered),
    failed: Number(failed),
    dead: Number(dead),
  }));
}

function added(parts: readonly MinuteRow[]): Omit<DeliveryMinute, 'minute'> {
  const sum = { delivered: 0, failed: 0, dead: 0 };
  const durations: number[] = [];
  for (const part of parts) {
    sum.delivered += part.delivered;
    sum.failed += part.failed;
    sum.dead += part.dead;
    for (const [bucket, count] of part.durations.entries()) durations[bucket] = (durations[bucket] ?? 0) + count;
  }
  return { ...sum, p95Ms: durationPercentile(durations, 0.95) };
}
