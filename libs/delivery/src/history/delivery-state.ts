import { retryKind } from '../sending/lanes.js';
import { attemptOutcome } from '../settling/settle-batch.js';

/**
 * - pending: waits to be sent for the first time, or for the time its event may be delivered
 * - retrying: failed, or was asked for again, and waits for its next attempt
 * - delivered, dropped: settled; dropped by the hook's verdict
 * - dead: given up, kept as a dead letter with a reason
 * - discarded: was given up, and an operator let its dead letter go
 * - unknown: settled without a recorded attempt, in a stream where a filter kept events back: it was kept back by the filter
 *   of its time, or delivered while successful attempts were not recorded
 * - skipped: the event is older than the subscription, or was left out by a seek, and was not sent to it
 */
export type DeliveryState =
  'pending' | 'retrying' | 'delivered' | 'dropped' | 'dead' | 'discarded' | 'skipped' | 'unknown';

/** What the tables say about a delivery. */
export interface DeliveryFacts {
  /** At or below the cursor's mark, or in one of the ranges above it. */
  isSettled: boolean;
  /** kind of its row in retries, if it has one */
  retryKind: number | null;
  isDead: boolean;
  /** outcome of its last attempt, if one is recorded */
  lastOutcome: number | null;
  /** The event was stored before the subscription was created. */
  isOlder: boolean;
  /** The cursor was moved past it by hand. */
  isLeftOut: boolean;
  /** A filter of the subscription has kept back events of this stream. */
  hasFiltered: boolean;
}

export function deliveryState(facts: DeliveryFacts): DeliveryState {
  if (facts.retryKind !== null) return facts.retryKind === retryKind.delayed ? 'pending' : 'retrying';
  if (!facts.isSettled) return 'pending';
  if (facts.isDead) return 'dead';
  if (facts.lastOutcome === attemptOutcome.dropped) return 'dropped';
  if (facts.lastOutcome === attemptOutcome.discarded) return 'discarded';
  if (wasSkipped(facts)) return 'skipped';
  // Successful attempts may not be recorded (HOOKCAST_ATTEMPT_LOG=failures): without a filter, what is settled without a
  // trace came through. A filter leaves no trace either.
  return facts.lastOutcome === null && facts.hasFiltered ? 'unknown' : 'delivered';
}

function wasSkipped({ lastOutcome, isOlder, isLeftOut }: DeliveryFacts): boolean {
  return (lastOutcome === null && isOlder) || (isLeftOut && lastOutcome !== attemptOutcome.delivered);
}
