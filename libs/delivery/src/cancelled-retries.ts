import type { RetryStore } from './retry-store.js';
import type { Sender } from './sender.js';

/**
 * Lets go of deliveries in memory whose operation was cancelled: their rows are gone already. What is under way ends as
 * it will. Costs nothing while no operation has deliveries here.
 */
export async function dropCancelled(
  senders: Iterable<Sender>,
  store: Pick<RetryStore, 'cancelledOperations'>,
): Promise<void> {
  const all = [...senders];
  const ids = new Set(all.flatMap((sender) => [...sender.retries.values()].flatMap((one) => one.operationId ?? [])));
  if (ids.size === 0) return;
  const cancelled = new Set(await store.cancelledOperations([...ids]));
  if (cancelled.size === 0) return;
  for (const sender of all) {
    for (const [key, retry] of sender.retries) {
      if (retry.isTaken || retry.operationId === null || !cancelled.has(retry.operationId)) continue;
      retry.isDropped = true;
      sender.retries.delete(key);
    }
  }
}
