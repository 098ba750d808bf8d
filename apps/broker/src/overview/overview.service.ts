import { Inject, Injectable } from '@nestjs/common';
import { Subscription, Topic } from '@hookcast/database';
import { DataSource } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { StorageGuard, type StorageStatus } from '../storage/storage-guard.js';
import { SubscriptionResponses } from '../subscriptions/subscription-responses.js';
import type { SubscriptionResponse } from '../subscriptions/subscription-response.js';
import { TopicFiguresReader } from '../topics/topic-figures.js';
import { liveWorkers, type LiveWorker } from './overview-store.js';
import type { OverviewResponse, StorageResponse, SubscriptionCounts } from './overview.dto.js';

/** Five missed heartbeats. */
const workerSilenceMs = 10_000;
const healthyRate = 0.9;
const shownFailing = 20;

@Injectable()
export class OverviewService {
  @Inject(StorageGuard) private readonly storage!: StorageGuard;

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
    const all = await this.subscriptions.all(stored);
    return {
      topics,
      subscriptions: countStates(all),
      publishRate,
      backlog: all.reduce((sum, { backlog }) => sum + backlog, 0),
      oldestPendingAt: all.flatMap(({ oldestPendingAt }) => oldestPendingAt ?? []).toSorted()[0] ?? null,
      failing: failing(all),
      workers: workers.length,
      storage: toStorageResponse(this.storage.status),
    };
  }

  async workers(): Promise<LiveWorker[]> {
    return liveWorkers(this.dataSource.manager, new Date(this.runtime.clock.now().getTime() - workerSilenceMs));
  }
}

function toStorageResponse({ state, sample, limits }: StorageStatus): StorageResponse {
  return {
    publishing: state.kind === 'open' ? 'accepted' : 'refused',
    reason: state.kind === 'open' ? null : state.reason,
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
    .map(({ name, url, state, successRate, backlog }) => ({ subscription: name, url, state, successRate, backlog }));
}
