import type { DeliveryFacts } from './delivery-facts-store.js';

export type DeliveryStatus = 'pending' | 'retrying' | 'delivered' | 'dead' | 'dropped' | 'expired' | 'skipped';

/** Values of `attempts.outcome` and `retries.kind`, see the first migration. */
const outcomes = { delivered: 1, dropped: 4 } as const;
const retryKinds = { retry: 0, redelivery: 2 } as const;

/** Where a delivery stands, with the reason in words. */
export interface DeliveryState {
  status: DeliveryStatus;
  reason: string;
}

/**
 * What the rows of the data plane mean together. A row in `retries` or `dead_letters` speaks for itself; without one,
 * an event beyond the cursor waits and one behind it was settled: by its last attempt, or before this subscription
 * began, or (with HOOKCAST_ATTEMPT_LOG=failures) by a success that left no row.
 */
export function deliveryState(
  facts: Pick<DeliveryFacts, 'retry' | 'dead' | 'settled' | 'lastAttempt' | 'eventAt'>,
  subscription: { createdAt: Date; recordsSuccesses: boolean },
): DeliveryState {
  if (facts.retry) return waitingState(facts.retry);
  if (facts.dead) return { status: 'dead', reason: `given up: ${facts.dead.reason}` };
  if (facts.settled === undefined) return { status: 'skipped', reason: 'the subscription does not read this stream' };
  if (!facts.settled) return { status: 'pending', reason: 'waits for its first attempt' };
  return settledState(facts, subscription);
}

function waitingState(retry: NonNullable<DeliveryFacts['retry']>): DeliveryState {
  if (retry.kind === retryKinds.redelivery) return { status: 'retrying', reason: 'is sent again by request' };
  if (retry.kind === retryKinds.retry) return { status: 'retrying', reason: retry.error ?? 'an attempt failed' };
  return { status: 'pending', reason: 'waits until it is due' };
}

function settledState(
  { lastAttempt, eventAt }: Pick<DeliveryFacts, 'lastAttempt' | 'eventAt'>,
  { createdAt, recordsSuccesses }: { createdAt: Date; recordsSuccesses: boolean },
): DeliveryState {
  if (lastAttempt?.outcome === outcomes.delivered) return { status: 'delivered', reason: 'the hook accepted it' };
  if (lastAttempt?.outcome === outcomes.dropped) return { status: 'dropped', reason: 'the hook asked to drop it' };
  if (eventAt !== undefined && eventAt < createdAt) {
    return { status: 'skipped', reason: 'published before the subscription began' };
  }
  if (!recordsSuccesses) return { status: 'delivered', reason: 'the hook accepted it (successes are not recorded)' };
  return lastAttempt
    ? { status: 'dropped', reason: 'its dead letter or retry was removed' }
    : { status: 'skipped', reason: 'the subscription started behind it' };
}
