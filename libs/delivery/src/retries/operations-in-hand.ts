import type { Sender } from '../sending/sender.js';
import type { PacedRelease } from './paced-release.js';
import type { RetryStore } from './retry-store.js';

/**
 * Learns the rates of operations that have deliveries in memory, and lets go of those whose operation was cancelled:
 * their rows are gone already. What is under way ends as it will. Costs nothing while no operation has deliveries here.
 */
export async function followOperations(
  senders: Iterable<Sender>,
  { store, release }: { store: Pick<RetryStore, 'operations'>; release: Pick<PacedRelease, 'setRates'> },
): Promise<void> {
  const waiting: Sender[] = [];
  // Nearly always none: this goes through all subscriptions every second.
  for (const sender of senders) if (sender.retries.size > 0) waiting.push(sender);
  const ids = operationsOf(waiting);
  const found = ids.size === 0 ? [] : await store.operations([...ids]);
  const cancelled = new Set(found.flatMap(({ id, isCancelled }) => (isCancelled ? id : [])));
  if (cancelled.size > 0) for (const sender of waiting) dropOf(sender, cancelled);
  release.setRates(new Map(found.map(({ id, rate }) => [id, rate])));
}

function operationsOf(senders: readonly Sender[]): Set<string> {
  return new Set(senders.flatMap((sender) => [...sender.retries.values()].flatMap((one) => one.operationId ?? [])));
}

function dropOf(sender: Sender, cancelled: ReadonlySet<string>): void {
  for (const [key, retry] of sender.retries) {
    if (retry.isTaken || retry.operationId === null || !cancelled.has(retry.operationId)) continue;
    retry.isDropped = true;
    sender.retries.delete(key);
  }
}
