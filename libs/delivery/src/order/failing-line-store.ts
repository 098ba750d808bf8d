import type pg from 'pg';
import { retryKind } from '../sending/lanes.js';

/** A failing delivery that later events of its line may wait for. */
export interface FailingDelivery {
  subscriptionId: number;
  streamId: number;
  seq: number;
  /** Undefined when the event has gone with its day. */
  eventId: string | undefined;
  /** Ordering key of the event; undefined also when the event has gone with its day. */
  key: string | undefined;
  /** Attempts made so far. */
  attempts: number;
  nextAttemptAt: Date;
  /** `<class>: <detail>` of the last failure. */
  error: string | undefined;
}

/** Failing deliveries of one cursor that are looked at. A breaker parks an endpoint long before it has so many. */
export const failingLookedAt = 200;

/**
 * The failing deliveries of subscriptions, the first {@link failingLookedAt} of each stream by position. Index: for each
 * cursor of a subscription the primary key of retries, then that of events.
 *
 * @param streamIds only these streams
 */
export async function failingDeliveries(
  pool: pg.Pool,
  subscriptionIds: readonly number[],
  streamIds?: readonly number[],
): Promise<FailingDelivery[]> {
  if (subscriptionIds.length === 0) return [];
  const found = await pool.query<{
    subscription_id: number;
    stream_id: number;
    seq: string;
    event_id: string | null;
    key: string | null;
    attempt_no: number;
    next_at: Date;
    last_error: string | null;
  }>({
    name: 'retries-of-lines',
    text: /* sql */ `
      select r.subscription_id, r.stream_id, r.seq, e.event_id, e.key, r.attempt_no, r.next_at, r.last_error
        from cursors c
       cross join lateral (
         select * from retries
          where stream_id = c.stream_id and subscription_id = c.subscription_id and kind = any($3::int[])
          order by seq limit $4) r
        left join lateral (select event_id, key from events e
                            where e.stream_id = r.stream_id and e.seq = r.seq and e.created_at = r.event_at limit 1) e on true
       where c.subscription_id = any($1::int[]) and ($2::int[] is null or c.stream_id = any($2::int[]))
       order by r.event_at, r.stream_id, r.seq`,
    values: [subscriptionIds, streamIds ?? null, [retryKind.retry, retryKind.alone], failingLookedAt],
  });
  return found.rows.map((row) => ({
    subscriptionId: row.subscription_id,
    streamId: row.stream_id,
    seq: Number(row.seq),
    eventId: row.event_id ?? undefined,
    key: row.key ?? undefined,
    attempts: row.attempt_no,
    nextAttemptAt: row.next_at,
    error: row.last_error ?? undefined,
  }));
}
