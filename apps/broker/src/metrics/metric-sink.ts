import { Counter, Gauge, Registry } from 'prom-client';
import { metrics, type MetricName } from './metric-table.js';

/** The values of one scrape. What is not set has no series. */
export class MetricSink {
  readonly registry = new Registry();
  private readonly made = new Map<MetricName, Counter | Gauge>();

  /** Adds to the series of these labels: what shares a series is summed. */
  add(name: MetricName, value: number, labels: Record<string, string> = {}): void {
    this.metric(name).inc(labels, value);
  }

  private metric(name: MetricName): Counter | Gauge {
    const found = this.made.get(name);
    if (found) return found;
    const { type, help, labels } = metrics[name];
    const options = { name: `hookcast_${name}`, help, labelNames: [...labels], registers: [this.registry] };
    const metric = type === 'counter' ? new Counter(options) : new Gauge(options);
    this.made.set(name, metric);
    return metric;
  }
}
