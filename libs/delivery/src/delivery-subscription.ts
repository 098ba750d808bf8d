import type { StreamRef } from '@hookcast/log';
import type { HookTarget } from './sending/hook-request.js';
import type { Ordering } from './order/order-gate.js';
import type { RetrySchedule } from './outcome/retry-schedule.js';

/** A subscription as the worker needs it: with its secrets in the clear. */
export interface DeliverySubscription extends HookTarget {
  id: number;
  topics: readonly string[];
  /** CEL over the event; null lets every event through. */
  filter: string | null;
  ordering: Ordering;
  /** Most requests in flight for it, of all workers together; every worker may have one. */
  concurrency: number;
  /** Events a second over all workers; null for as many as it takes. @default null */
  rateLimit?: number | null;
  /** Events a second for the backlog that the last resume found. @default null */
  drainRate?: number | null;
  /** Nothing was ever heard from its URL. @default false */
  neverAnswered?: boolean;
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
  /** Unix ms at which some of it ends without a change of the version, such as the grace of a secret. @default never */
  endsAt?: number | undefined;
}

/** What became of everything that changes of the control plane have touched. */
export interface CatalogChanges {
  /** Of control_state, read before the rest. */
  version: number;
  /** Touched subscriptions; those that are not in `subscriptions` are gone. */
  subscriptionIds: readonly number[];
  subscriptions: readonly DeliverySubscription[];
  /** Touched topics; `streams` has all that these have now. */
  topicIds: readonly number[];
  streams: readonly StreamRef[];
  /** As in Catalog, of what was touched. @default never */
  endsAt?: number | undefined;
}

/** Where the worker learns what there is to deliver; the broker implements it, since it holds the key to the secrets. */
export interface SubscriptionCatalog {
  load(): Promise<Catalog>;
  /** What was touched since a version that was loaded; undefined when that is not known, and all has to be loaded. */
  changes(since: number): Promise<CatalogChanges | undefined>;
}
