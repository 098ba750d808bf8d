import { Inject, Injectable } from '@nestjs/common';
import { backlogs, type Backlog } from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { boundedLabels } from './label-bound.js';
import { measuredSubscriptions, retriesWaiting, type MeasuredSubscription } from './metric-store.js';
import type { MetricSink } from './metric-sink.js';

const mostRetriesCounted = 10_000;
const states = ['active', 'paused', 'suspended', 'stale'];
const outcomes = ['delivered', 'dead', 'dropped', 'expired', 'filtered', 'skipped'] as const;

interface Waiting {
  labels: { namespace: string; subscription: string };
  oldest: Date | undefined;
}

/** What is read from the database: counters and cursors, whose cost does not grow with the number of events. */
@Injectable()
export class BusMetrics {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** Sets nothing when the database is away. */
  async tell(sink: MetricSink): Promise<void> {
    const subscriptions = await measuredSubscriptions(this.pool);
    const [waiting, retries] = await Promise.all([
      backlogs(
        this.pool,
        subscriptions.map(({ id }) => id),
      ),
      retriesWaiting(this.pool, mostRetriesCounted),
    ]);
    sink.add('retries_waiting', retries);
    for (const state of states) {
      sink.add('subscriptions', subscriptions.filter((one) => one.state === state).length, { state });
    }
    this.tellSubscriptions(sink, subscriptions, waiting);
  }

  private tellSubscriptions(
    sink: MetricSink,
    subscriptions: readonly MeasuredSubscription[],
    waiting: ReadonlyMap<number, Backlog>,
  ): void {
    const now = this.runtime.clock.now();
    const bounded = boundedLabels(subscriptions, this.runtime.config.metricsMaxSeries);
    const oldest = new Map<string, Waiting>();
    for (const one of subscriptions) {
      const { namespace, name } = bounded(one.id) ?? { namespace: '', name: '' };
      const labels = { namespace, subscription: name };
      const found = waiting.get(one.id);
      sink.add('subscription_suspended', Number(one.state === 'suspended'), labels);
      sink.add('subscription_parked', Number(isParked(found, now)), labels);
      tellWaiting(sink, found, labels);
      const key = `${namespace}/${name}`;
      oldest.set(key, { labels, oldest: earlier(oldest.get(key)?.oldest, found?.oldestPendingAt) });
    }
    tellAges(sink, [...oldest.values()], now);
  }
}

function tellWaiting(sink: MetricSink, found: Backlog | undefined, labels: Waiting['labels']): void {
  sink.add('subscription_backlog_events', found?.backlog ?? 0, labels);
  for (const outcome of outcomes) {
    sink.add('subscription_deliveries_total', found?.[outcome] ?? 0, { ...labels, outcome });
  }
}

function tellAges(sink: MetricSink, all: readonly Waiting[], now: Date): void {
  for (const { labels, oldest } of all) {
    const age = oldest === undefined ? 0 : Math.max(now.getTime() - oldest.getTime(), 0) / 1000;
    sink.add('subscription_oldest_pending_seconds', age, labels);
  }
}

/** A wish for quiet is over when its time is; an endpoint that is down is so until a probe came through. */
function isParked(waiting: Backlog | undefined, now: Date): boolean {
  const park = waiting?.park;
  return park !== undefined && (park.reason !== 'retry-after' || park.until > now);
}

function earlier(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
