import { Inject, Injectable } from '@nestjs/common';
const durationPercentile = (_d: number[], _s: number): number | null => null;
import { backlogs } from '@hookcast/log';
import type pg from 'pg';
import { DeliveryGauge } from '../delivery/delivery-gauge.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { attemptCounts, type AttemptCounts } from './subscription-figures-store.js';

export interface SubscriptionFigures {
  backlog: number;
  oldestPendingAt: string | null;
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
    private readonly gauge: DeliveryGauge,
  ) {}

  async of(subscriptionIds: readonly number[]): Promise<(subscriptionId: number) => SubscriptionFigures> {
    const since = new Date(this.runtime.clock.now().getTime() - windowMs);
    const [waiting, attempts] = await Promise.all([
      backlogs(this.pool, subscriptionIds),
      attemptCounts(this.pool, subscriptionIds, since),
    ]);
    return (id) => ({
      backlog: waiting.get(id)?.backlog ?? 0,
      oldestPendingAt: waiting.get(id)?.oldestPendingAt?.toISOString() ?? null,
      inFlight: this.gauge.inFlight(id),
      ...attemptFigures(attempts.get(id)),
    });
  }
}

export function attemptFigures(counts: AttemptCounts | undefined): Pick<SubscriptionFigures, 'successRate' | 'p95Ms'> {
  const total = counts ? counts.delivered + counts.failed : 0;
  if (!counts || total === 0) return { successRate: null, p95Ms: null };
  return { successRate: counts.delivered / total, p95Ms: durationPercentile(counts.durations, 0.95) };
}
