import { Inject, Injectable } from '@nestjs/common';
import { deliveryFigures, DeliveryWorker } from '@hookcast/delivery';
import { backlogs, type Backlog } from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';

export interface SubscriptionFigures {
  backlog: number;
  expired: number;
  oldestPendingAt: string | null;
  /** Left out by seeks since the subscription exists. */
  skipped: number;
  inFlight: number;
  successRate: number | null;
  p95Ms: number | null;
}

const windowMs = 3_600_000;

/** How subscriptions are doing, from counters and cursors: the cost does not grow with the number of events. */
@Injectable()
export class SubscriptionFiguresReader {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly worker: DeliveryWorker,
  ) {}

  async of(subscriptionIds: readonly number[]): Promise<(subscriptionId: number) => SubscriptionFigures> {
    const since = new Date(this.runtime.clock.now().getTime() - windowMs);
    const [waiting, attempts] = await Promise.all([
      backlogs(this.pool, subscriptionIds),
      deliveryFigures(this.pool, subscriptionIds, since),
    ]);
    return (id) => ({
      ...waitingFigures(waiting.get(id)),
      skipped: waiting.get(id)?.skipped ?? 0,
      inFlight: this.worker.inFlight(id),
      successRate: attempts.get(id)?.successRate ?? null,
      p95Ms: attempts.get(id)?.p95Ms ?? null,
    });
  }
}

function waitingFigures(
  known: Backlog | undefined,
): Pick<SubscriptionFigures, 'backlog' | 'expired' | 'oldestPendingAt'> {
  const { backlog = 0, expired = 0, oldestPendingAt } = known ?? {};
  return { backlog, expired, oldestPendingAt: oldestPendingAt?.toISOString() ?? null };
}
