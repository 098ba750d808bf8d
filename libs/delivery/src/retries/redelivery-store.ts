import { rows, type SqlSource } from '@hookcast/database';
import { clockSkew } from '../history/listed-state-store.js';
import { retryKind } from '../sending/lanes.js';
import { atOnce } from './retry-store.js';

/**
 * - hastened: it waits for its next attempt and gets it now, in its place: later events of its line go on waiting for it
 * - requested: it is sent again within about a second, whatever its state was, and later events of its line do not wait
 * - unsettled: it has not been tried to the end of its first attempt yet, so there is nothing to repeat
 * - unknown: the subscription does not read this stream
 */
export type RedeliveryResult = 'hastened' | 'requested' | 'unsettled' | 'unknown';

/**
 * Asks for one more attempt of a delivery, at once. A dead letter stays until the attempt succeeds, so its event
 * survives even when its day has gone. One that waits for its next attempt gets it now and stays what it is: later
 * events of its key go on waiting for it. Any other takes its turn among those of its key and holds nothing back. Attempts
 * count on; when the schedule has none left, a failure is final again.
 * Index: primary keys.
 */
export async function requestRedelivery(
  source: SqlSource,
  delivery: { streamId: number; subscriptionId: number; seq: number; eventAt: Date },
): Promise<RedeliveryResult> {
  const { streamId, subscriptionId, seq, eventAt } = delivery;
  const found = await rows<{ is_settled: boolean; kind: number | null }>(
    source,
    /* sql */ `
    with cursor as (
      select seq <= settled_seq or above @> seq as is_settled
        from cursors, (select $3::int8 as seq) k where stream_id = $1 and subscription_id = $2
         -- who discards its dead letter locks the cursor as well, and then sees the row that this writes
         for no key update of cursors
    ), requested as (
      insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, last_error,
                           is_repeat)
      select $1, $2, $3, $4::timestamptz, coalesce(
               (select attempts from dead_letters where stream_id = $1 and subscription_id = $2 and seq = $3),
               (select max(attempt_no) from attempts
                 where stream_id = $1 and subscription_id = $2 and seq = $3 and created_at >= $4::timestamptz - ${clockSkew}), 0),
             $5, $6, null, true
        from cursor where is_settled
      on conflict (stream_id, subscription_id, seq) do update
        set kind = case when retries.kind = any($7::int[]) then retries.kind else excluded.kind end, next_at = excluded.next_at
      returning kind
    )
    select is_settled, (select kind from requested) as kind from cursor`,
    [streamId, subscriptionId, seq, eventAt, retryKind.redelivery, atOnce, [retryKind.retry, retryKind.alone]],
  );
  const [cursor] = found;
  if (!cursor) return 'unknown';
  if (cursor.kind === null) return 'unsettled';
  return cursor.kind === retryKind.redelivery ? 'requested' : 'hastened';
}
