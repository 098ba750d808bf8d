import { Inject, Injectable } from '@nestjs/common';
import { Subscription, Topic } from '@hookcast/database';
import { busMinutes, deadAfterMs, type DeliveryMinute } from '@hookcast/delivery';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { callerNamespace, defaultNamespace } from '../auth/namespace.js';
import { ReconciliationLoop } from '../reconciliation/reconciliation-loop.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { StorageGuard, type StorageStatus } from '../storage/storage-guard.js';
import { withoutQueryValues } from '../subscriptions/shown-url.js';
import { SubscriptionResponses } from '../subscriptions/subscription-responses.js';
import type { SubscriptionResponse } from '../subscriptions/subscription-response.js';
import { TopicFiguresReader } from '../topics/topic-figures.js';
import { liveWorkers, type LiveWorker } from './overview-store.js';
import type { OverviewResponse, ReconcilerResponse, StorageResponse, SubscriptionCounts } from './overview.dto.js';
import { healthyRate, troubleKinds } from '../subscriptions/trouble.js';

const shownFailing = 20;
const shownTroubled = 50;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

@Injectable()
export class OverviewService {
  @Inject(StorageGuard) private readonly storage!: StorageGuard;
  @Inject(ReconciliationLoop) private readonly reconciliations!: ReconciliationLoop;
  @Inject(DATA_POOL) private readonly pool!: pg.Pool;

  constructor(
    private readonly dataSource: DataSource,
    private readonly subscriptions: SubscriptionResponses,
    private readonly topics: TopicFiguresReader,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  async overview(): Promise<OverviewResponse> {
    const { manager } = this.dataSource;
    const where = { namespace: callerNamespace() };
    const [topics, stored, workers, publishRate] = await Promise.all([
      manager.countBy(Topic, where),
      manager.find(Subscription, { where, order: { name: 'asc' } }),
      this.workers(),
      this.topics.totalRate(where.namespace),
    ]);
    const now = this.runtime.clock.now();
    const ids = stored.map(({ id }) => id);
    const [all, minutes] = await Promise.all([
      this.subscriptions.all(stored),
      busMinutes(this.pool, ids, new Date(now.getTime() - hourMs)),
    ]);
    return {
      topics,
      subscriptions: countStates(all),
      publishRate,
      deliveryRate: deliveryRate(minutes, now),
      minutes: minutes.map(({ minute, ...counts }) => ({ minute: minute.toISOString(), ...counts })),
      backlog: all.reduce((sum, { backlog }) => sum + backlog, 0),
      oldestPendingAt: all.flatMap(({ oldestPendingAt }) => oldestPendingAt ?? []).toSorted()[0] ?? null,
      failing: failing(all),
      ...troubled(all),
      reconciler: where.namespace === defaultNamespace ? this.verdict() : null,
      workers: workers.length,
      storage: storageShown(this.storage.status, where.namespace),
    };
  }

  private verdict(): ReconcilerResponse {
    const { lastRunAt, totals } = this.reconciliations;
    return { lastRunAt: lastRunAt?.toISOString() ?? null, ...totals };
  }

  async workers(): Promise<LiveWorker[]> {
    return liveWorkers(this.dataSource.manager, new Date(this.runtime.clock.now().getTime() - deadAfterMs));
  }
}

/** Of this minute and the one before, since the one that has just begun says little. */
function deliveryRate(minutes: readonly Pick<DeliveryMinute, 'minute' | 'delivered'>[], now: Date): number {
  const since = Math.floor(now.getTime() / minuteMs) * minuteMs - minuteMs;
  const delivered = minutes
    .filter(({ minute }) => minute.getTime() >= since)
    .reduce((sum, one) => sum + one.delivered, 0);
  return Math.round((delivered / ((now.getTime() - since) / 1000)) * 100) / 100;
}

function troubled(all: readonly SubscriptionResponse[]): Pick<OverviewResponse, 'troubled' | 'troubles'> {
  const found = all
    .filter(({ troubles }) => troubles.length > 0)
    .map(({ name: subscription, state, backlog, oldestPendingAt, troubles }) => {
      return { subscription, state, backlog, oldestPendingAt, troubles };
    });
  const rank = ({ troubles: [gravest] }: (typeof found)[number]) => (gravest ? troubleKinds.indexOf(gravest.kind) : 0);
  const sorted = found.toSorted((a, b) => rank(a) - rank(b) || b.backlog - a.backlog);
  return { troubled: found.length, troubles: sorted.slice(0, shownTroubled) };
}

/** The machine is the operator's: other namespaces learn whether there is room, and not how much. */
function storageShown({ state, sample, limits }: StorageStatus, namespace: string): StorageResponse {
  const publishing = state.kind === 'open' ? 'accepted' : 'refused';
  const reason = state.kind === 'open' ? null : state.reason;
  if (namespace !== defaultNamespace) {
    const nothing = { databaseBytes: null, maxDatabaseBytes: null, freeBytes: null };
    return { publishing, reason: reason && 'the bus has no room for more events', ...nothing };
  }
  return {
    publishing,
    reason,
    databaseBytes: sample?.databaseBytes ?? null,
    maxDatabaseBytes: limits.maxDatabaseBytes ?? null,
    freeBytes: sample?.freeBytes ?? null,
  };
}

function countStates(all: readonly SubscriptionResponse[]): SubscriptionCounts {
  const counts: SubscriptionCounts = { active: 0, paused: 0, suspended: 0, stale: 0 };
  for (const { state } of all) counts[state] += 1;
  return counts;
}

function failing(all: readonly SubscriptionResponse[]): OverviewResponse['failing'] {
  return all
    .filter(({ state, successRate }) => state === 'suspended' || (successRate !== null && successRate < healthyRate))
    .slice(0, shownFailing)
    .map(({ name, url, state, successRate, backlog }) => {
      return { subscription: name, url: withoutQueryValues(url), state, successRate, backlog };
    });
}
