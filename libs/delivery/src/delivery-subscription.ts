import type { StreamRef } from '@hookcast/log';
import type { HookTarget } from './hook-request.js';
import type { Ordering } from './order-gate.js';
import type { RetrySchedule } from './retry-schedule.js';

/** A subscription as the worker needs it: with its secrets in the clear. */
export interface DeliverySubscription extends HookTarget {
  id: number;
  topics: readonly string[];
  /** CEL over the event; null lets every event through. */
  filter: string | null;
  ordering: Ordering;
  /** Most requests in flight for it on one worker. */
  concurrency: number;
  /** Events a second over all workers; null for as many as it takes. @default null */
  rateLimit?: number | null;
  /** Events a second for the backlog that the last resume found. @default null */
  drainRate?: number | null;
  retry: RetrySchedule;
  /** Statuses that dead-letter at once. */
  nonRetryable: readonly number[];
  /** Only `active` ones are sent to; all others keep their backlog. */
  state: 'active' | 'paused' | 'suspended' | 'stale';
}

export interface Catalog {
  /** Of control_state, read before or together with the rest. */
  version: number;
  subscriptions: readonly DeliverySubscription[];
  /** Of all topics. */
  streams: readonly StreamRef[];
}

/** Where the worker learns what there is to deliver; the broker implements it, since it holds the key to the secrets. */
export interface SubscriptionCatalog {
  load(): Promise<Catalog>;
}
