import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { DeliveryWorker } from '@hookcast/delivery';
import type pg from 'pg';
import { ReconciliationLoop } from '../reconciliation/reconciliation-loop.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { SourceRecorder } from '../sources/source-recorder.js';
import { StorageGuard } from '../storage/storage-guard.js';
import { boundedLabels } from './label-bound.js';
import type { MetricSink } from './metric-sink.js';
import { measuredSources } from './metric-store.js';
import { PublishMeter } from './publish-meter.js';

/** What this process has counted itself. */
@Injectable()
export class ProcessMetrics {
  @Inject() private readonly storage!: StorageGuard;
  @Inject() private readonly publishes!: PublishMeter;

  constructor(
    private readonly worker: DeliveryWorker,
    private readonly modules: ModuleRef,
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  tell(sink: MetricSink): void {
    this.tellWorker(sink);
    this.tellStorage(sink);
    if (this.runtime.config.role === 'worker') return;
    this.publishes.tell(sink);
    const { totals, lastRunAt } = this.modules.get(ReconciliationLoop, { strict: false });
    sink.add('reconciled_deliveries_total', totals.deliveries);
    sink.add('reconciliation_violations_total', totals.violations);
    if (lastRunAt) sink.add('reconciliation_last_run_timestamp_seconds', lastRunAt.getTime() / 1000);
  }

  /** Asks the database for the names. */
  async tellSources(sink: MetricSink): Promise<void> {
    if (this.runtime.config.role === 'worker') return;
    const labelsOf = boundedLabels(await measuredSources(this.pool), this.runtime.config.metricsMaxSeries);
    for (const { sourceId, verdict, reason, requests } of this.modules.get(SourceRecorder, { strict: false }).totals) {
      const labels = labelsOf(sourceId);
      // A source that was deleted has no name any more.
      if (labels === undefined) continue;
      const { namespace, name: source } = labels;
      sink.add('source_requests_total', requests, { namespace, source, verdict, reason });
    }
  }

  private tellWorker(sink: MetricSink): void {
    for (const [outcome, attempts] of Object.entries(this.worker.attemptCounts)) {
      sink.add('delivery_attempts_total', attempts, { outcome });
    }
    sink.add('filter_errors_total', this.worker.filterCounts.errors);
    sink.add('owned_streams', this.worker.ownedStreams.length);
    sink.add('buffered_events', this.worker.buffered.events);
  }

  private tellStorage(sink: MetricSink): void {
    const { state, sample, limits } = this.storage.status;
    sink.add('publishing_refused', Number(state.kind === 'full'));
    if (sample) sink.add('database_bytes', sample.databaseBytes);
    if (limits.maxDatabaseBytes !== undefined) sink.add('database_max_bytes', limits.maxDatabaseBytes);
    if (sample?.freeBytes !== undefined) sink.add('disk_free_bytes', sample.freeBytes);
  }
}
