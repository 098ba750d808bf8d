import type pg from 'pg';
import { durationPercentile } from './stats.js';

export interface DeliveryFigures {
  /** Share of attempts that were delivered, 0 to 1; null when there was none. */
  successRate: number | null;
  /** Milliseconds that 95 of 100 attempts stayed within; null when there was none. */
  p95Ms: number | null;
  delivered: number;
  failed: number;
  dead: number;
  /** Events on which the filter failed. */
  filterErrors: number;
}

/** Figures of the attempts since a time, from what the workers count. Index: primary key of delivery_stats. */
export async function deliveryFigures(
  pool: pg.Pool,
  subscriptionIds: readonly number[],
  since: Date,
): Promise<Map<number, DeliveryFigures>> {
  const found = await pool.query<{
    subscription_id: number;
    delivered: number;
    failed: number;
    dead: number;
    filter_errors: number;
    durations: number[];
  }>(
    /* sql */ `
    select subscription_id, delivered, failed, dead, filter_errors, durations from delivery_stats
     where subscription_id = any($1::int[]) and minute >= $2`,
    [subscriptionIds, since],
  );
  const figures = new Map<number, DeliveryFigures & { durations: number[] }>();
  for (const row of found.rows) {
    const sum = figures.get(row.subscription_id) ?? emptyFigures();
    figures.set(row.subscription_id, sum);
    sum.delivered += row.delivered;
    sum.failed += row.failed;
    sum.dead += row.dead;
    sum.filterErrors += row.filter_errors;
    for (const [bucket, count] of row.durations.entries()) sum.durations[bucket] = (sum.durations[bucket] ?? 0) + count;
  }
  return new Map([...figures].map(([id, { durations, ...sum }]) => [id, withRates(sum, durations)]));
}

const emptyFigures = () => ({
  successRate: null,
  p95Ms: null,
  delivered: 0,
  failed: 0,
  dead: 0,
  filterErrors: 0,
  durations: new Array<number>(),
});

function withRates(sum: DeliveryFigures, durations: readonly number[]): DeliveryFigures {
  const attempts = sum.delivered + sum.failed + sum.dead;
  if (attempts === 0) return sum;
  return { ...sum, successRate: sum.delivered / attempts, p95Ms: durationPercentile(durations, 0.95) };
}
