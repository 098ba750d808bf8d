import type pg from 'pg';

/** Workers that were silent for longer have nothing under way that anybody hears of. */
const silenceSeconds = 10;

/**
 * Requests under way for subscriptions, as workers last said; those without any are left out. Scans workers, which are few.
 *
 * @param query.except a worker that is asked directly
 */
export async function readInFlight(
  pool: pg.Pool,
  { subscriptionIds, except }: { subscriptionIds: readonly number[]; except: string },
): Promise<Map<number, number>> {
  const found = await pool.query<{ subscription_id: number; requests: number }>({
    name: 'requests-in-flight',
    text: /* sql */ `
      select said.key::int as subscription_id, sum(said.value::int)::int as requests
        from workers w cross join lateral jsonb_each_text(w.in_flight) said
       where w.worker_id <> $2 and w.heartbeat_at > now() - $3 * interval '1 second' and said.key = any($1::text[])
       group by said.key`,
    values: [subscriptionIds.map(String), except, silenceSeconds],
  });
  return new Map(found.rows.map((row) => [row.subscription_id, row.requests]));
}
