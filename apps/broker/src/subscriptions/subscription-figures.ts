import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { deliveryFigures, DeliveryWorker, readInFlight, type DeliveryFigures } from '@hookcast/delivery';
import { backlogs, type Backlog } from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { troublesOf, type Trouble } from './trouble.js';
import { blockedKeys, type BlockedKeyResponse } from './blocked-keys.js';

export interface SubscriptionFigures {
  backlog: number;
  expired: number;
  /** Events kept back by the filter since the subscription exists. */
  filtered: number;
  /** Not delivered yet of the backlog that the last resume found. */
  toDrain: number;
  parked: ParkedFigures | null;
  window: number | null;
  oldestPendingAt: string | null;
  /** Left out by seeks since the subscription exists. */
  skipped: number;
  inFlight: number;
  /** Keys that a failing event holds back; empty without an ordering. */
  blockedKeys: BlockedKeyResponse[];
  /** What keeps it from getting its events as they come, the gravest first. */
  troubles: Trouble[];
  successRate: number | null;
  p95Ms: number | null;
  /** Of the last hour. */
  filterErrors: number;
}

export interface ParkedFigures {
  reason: string;
  since: string;
  until: string;
  probes: number;
  error: string | null;
}

const windowMs = 3_600_000;

type Shown = Pick<Subscription, 'id' | 'ordering' | 'state' | 'stateReason' | 'rateLimit' | 'neverAnswered'>;

/** How subscriptions are doing, from counters and cursors: the cost does not grow with the number of events. */
@Injectable()
export class SubscriptionFiguresReader {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly worker: DeliveryWorker,
  ) {}

  async of(subscriptions: readonly Shown[]): Promise<(subscription: Shown) => SubscriptionFigures> {
    const subscriptionIds = subscriptions.map(({ id }) => id);
    const since = new Date(this.runtime.clock.now().getTime() - windowMs);
    const [waiting, attempts, blocked, inFlight] = await Promise.all([
      backlogs(this.pool, subscriptionIds),
      deliveryFigures(this.pool, subscriptionIds, since),
      blockedKeys(this.pool, subscriptions),
      readInFlight(this.pool, { subscriptionIds, except: this.worker.workerId }),
    ]);
    const now = this.runtime.clock.now();
    return (subscription) => {
      const { id } = subscription;
      const figures = {
        ...waitingFigures(waiting.get(id), now),
        skipped: waiting.get(id)?.skipped ?? 0,
        window: this.worker.window(id),
        blockedKeys: blocked.get(id) ?? [],
        inFlight: this.worker.inFlight(id) + (inFlight.get(id) ?? 0),
        ...attemptFigures(attempts.get(id)),
      };
      return { ...figures, troubles: troublesOf({ ...subscription, ...figures }, now) };
    };
  }
}

function attemptFigures(figures: DeliveryFigures | undefined) {
  const { successRate = null, p95Ms = null, filterErrors = 0 } = figures ?? {};
  return { successRate, p95Ms, filterErrors };
}

function waitingFigures(waiting: Backlog | undefined, now: Date) {
  const { backlog = 0, expired = 0, filtered = 0, toDrain = 0, oldestPendingAt, park } = waiting ?? {};
  const oldest = oldestPendingAt?.toISOString() ?? null;
  return { backlog, expired, filtered, toDrain, parked: parkedFigures(park, now), oldestPendingAt: oldest };
}

/** A wish for quiet is over when its time is; an endpoint that is down is so until a probe came through. */
function parkedFigures(park: Backlog['park'], now: Date): ParkedFigures | null {
  if (park === undefined || (park.reason === 'retry-after' && park.until <= now)) return null;
  const { reason, since, until, probes, error } = park;
  return { reason, since: since.toISOString(), until: until.toISOString(), probes, error };
}
