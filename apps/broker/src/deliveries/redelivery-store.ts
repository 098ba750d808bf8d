import { rows, type SqlSource } from '@hookcast/database';
import type { DeliveryKey } from './delivery-facts-store.js';

/**
 * Schedules one delivery to be sent again at once: `epoch` sorts before every other due time, which is where workers
 * look for it. A waiting retry becomes due instead of being doubled (retries_pk). A dead letter stays until the
 * redelivery has succeeded, since it may hold the only copy of the event.
 */
export async function redeliver(
  source: SqlSource,
  key: DeliveryKey & { eventAt: Date; attempts: number },
): Promise<void> {
  await rows(
    source,
    /* sql */ `
      insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at)
      values ($1, $2, $3, $4, $5, 2, 'epoch')
      on conflict (stream_id, subscription_id, seq) do update set next_at = excluded.next_at`,
    [key.streamId, key.subscriptionId, key.seq, key.eventAt, key.attempts],
  );
}
