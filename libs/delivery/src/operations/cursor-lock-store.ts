import { rows, type SqlSource } from '@hookcast/database';

/**
 * Locks cursors of a subscription before its retries and dead letters are touched. Whoever writes those locks the
 * cursor first, so a settle that is under way has come to an end afterwards. A statement of its own: only a later one
 * sees what that settle wrote, since one that waits for the lock itself goes on with the snapshot it began with. Index:
 * primary key.
 */
export async function lockCursors(
  transaction: SqlSource,
  subscriptionId: number,
  streamIds: readonly number[],
): Promise<void> {
  const text = /* sql */ `
    select from cursors where subscription_id = $1 and stream_id = any($2::int[]) order by stream_id for no key update`;
  await rows(transaction, text, [subscriptionId, streamIds]);
}
