import { rows, type SqlSource } from '@hookcast/database';

interface StatsRow {
  subscription_id: number;
  delivered: number;
  failed: number;
  dead: number;
  durations: number[];
}

/** Attempts of a subscription in a span of time; `durations` counts them per bucket of libs/delivery's histogram. */
export interface AttemptCounts {
  delivered: number;
  failed: number;
  durations: number[];
}

/** Sums delivery_stats from a minute on. Served by delivery_stats_pk: at most one row per minute and worker. */
export async function attemptCounts(
  source: SqlSource,
  subscriptionIds: readonly number[],
  since: Date,
): Promise<Map<number, AttemptCounts>> {
  const found = await rows<StatsRow>(
    source,
    /* sql */ `
      select subscription_id, delivered, failed, dead, durations
      from delivery_stats where subscription_id = any($1::int[]) and minute >= $2`,
    [subscriptionIds, since],
  );
  const counts = new Map<number, AttemptCounts>();
  for (const row of found) {
    const sum = counts.get(row.subscription_id) ?? { delivered: 0, failed: 0, durations: [] };
    sum.delivered += row.delivered;
    sum.failed += row.failed + row.dead;
    for (const [bucket, count] of row.durations.entries()) sum.durations[bucket] = (sum.durations[bucket] ?? 0) + count;
    counts.set(row.subscription_id, sum);
  }
  return counts;
}
