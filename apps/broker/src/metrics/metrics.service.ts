import { Inject, Injectable } from '@nestjs/common';
import { asBroker } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { BusMetrics } from './bus-metrics.js';
import { MetricSink } from './metric-sink.js';
import { ProcessMetrics } from './process-metrics.js';
import { runtimeMetrics } from './runtime-metrics.js';

/** The whole state in the text format of Prometheus. */
@Injectable()
export class MetricsService {
  private readonly runtimeMetrics = runtimeMetrics();

  constructor(
    private readonly process: ProcessMetrics,
    private readonly bus: BusMetrics,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** What belongs to whom does not matter here: these are figures of the whole bus. */
  async scrape(): Promise<string> {
    return asBroker(async () => {
      const sink = new MetricSink();
      this.process.tell(sink);
      sink.add('database_up', Number(await this.askDatabase(sink)));
      const texts = await Promise.all([sink.registry.metrics(), this.runtimeMetrics.metrics()]);
      return texts.join('\n');
    });
  }

  /** A scrape while the database is away tells what this process knows. */
  private async askDatabase(sink: MetricSink): Promise<boolean> {
    try {
      await this.process.tellSources(sink);
      await this.bus.tell(sink);
      return true;
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'metrics.database-away');
      return false;
    }
  }
}
