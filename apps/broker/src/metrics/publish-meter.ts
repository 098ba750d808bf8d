import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';
import type { ProblemCode } from '../http/problems.js';
import type { MetricSink } from './metric-sink.js';
import { metrics } from './metric-table.js';

const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts what publish requests of this process came to. */
@Injectable()
export class PublishMeter {
  readonly durations = new Histogram({
    name: 'hookcast_publish_duration_seconds',
    help: metrics.publish_duration_seconds.help,
    buckets: bounds,
    registers: [],
  });
  private readonly outcomes = new Map<'stored' | ProblemCode, number>();
  private readonly events = { fresh: 0, duplicate: 0 };

  stored({ events, duplicates, durationMs }: { events: number; duplicates: number; durationMs: number }): void {
    this.outcome('stored');
    this.events.fresh += events - duplicates;
    this.events.duplicate += duplicates;
    this.durations.observe(durationMs / 1000);
  }

  refused(code: ProblemCode): void {
    this.outcome(code);
  }

  tell(sink: MetricSink): void {
    for (const [outcome, requests] of this.outcomes) sink.add('publish_requests_total', requests, { outcome });
    sink.add('published_events_total', this.events.fresh, { duplicate: 'false' });
    sink.add('published_events_total', this.events.duplicate, { duplicate: 'true' });
    sink.registry.registerMetric(this.durations);
  }

  private outcome(outcome: 'stored' | ProblemCode): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}
