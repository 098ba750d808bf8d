import type { DeadLetter } from '../api/event-model.js';

/** Chosen dead letters by their subscription, since an operation is of one. */
export function bySubscription(
  chosen: readonly Pick<DeadLetter, 'id' | 'subscription'>[],
): { subscription: string; ids: string[] }[] {
  const found = new Map<string, string[]>();
  for (const { id, subscription } of chosen) found.set(subscription, [...(found.get(subscription) ?? []), id]);
  return [...found].map(([subscription, ids]) => ({ subscription, ids }));
}
