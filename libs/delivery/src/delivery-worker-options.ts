import type { HookClient } from '@hookcast/egress';
import type pg from 'pg';
import type { Clock } from './timing/clock.js';
import type { DeliveryLog } from './delivery-log.js';
import type { DeliveryStores } from './delivery-stores.js';
import type { SubscriptionCatalog } from './delivery-subscription.js';

export interface DeliveryWorkerOptions {
  pool: pg.Pool;
  /** What the worker asks of the database, in other hands. @default statements over `pool` */
  stores?: DeliveryStores;
  client: Pick<HookClient, 'post'>;
  catalog: SubscriptionCatalog;
  log?: DeliveryLog;
  clock?: Clock;
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number;
  /** UUID, new for every start. */
  workerId?: string;
  /** @default this machine, its boot and its pid namespace */
  host?: string;
  /** @default process.pid */
  pid?: number;
  /** Requests in flight at the same time; one endpoint gets at most a quarter. @default 512 */
  slots?: number;
  /** `failures`: successful attempts leave no row. @default 'all' */
  attemptLog?: 'all' | 'failures';
  /** Value of the user-agent header. @default 'Hookcast' */
  userAgent?: string;
  /** Milliseconds a result waits for others before they are written together. @default 15 */
  settleMs?: number;
  /** Results kept in memory while the database takes none; nothing more is sent then. @default 1024 */
  maxUnsettled?: number;
  /** Milliseconds without a success after which a subscription whose endpoint is down is suspended; 0 for never. @default 5 days */
  suspendAfterMs?: number;
}

/** The settings of sending and settling, those that were not given included. */
export function engineSettings(options: DeliveryWorkerOptions) {
  const { client, random = Math.random, slots = 512, attemptLog = 'all', settleMs = 15 } = options;
  const { maxUnsettled = 1_024, suspendAfterMs = 5 * 86_400_000 } = options;
  return { client, random, slots, attemptLog, settleMs, maxUnsettled, suspendAfterMs } as const;
}
