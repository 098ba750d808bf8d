import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * Milliseconds between two samples of the event loop. Each of them wakes the process: at the 10 ms of prom-client that
 * was a quarter of what an idle broker costs.
 */
const sampleMs = 100;
/** Milliseconds, the most that a timer takes: prom-client's own samples do not come. */
const never = 2 ** 31 - 1;

/** What is measured of the delays of the event loop since the last scrape, in nanoseconds; a delay includes the wait for the sample. */
const readings: Readonly<Record<string, (delays: IntervalHistogram) => number>> = {
  min: ({ min }) => withoutWait(min),
  max: ({ max }) => withoutWait(max),
  mean: ({ mean }) => withoutWait(mean),
  stddev: ({ stddev }) => stddev,
  p50: (delays) => withoutWait(delays.percentile(50)),
  p90: (delays) => withoutWait(delays.percentile(90)),
  p99: (delays) => withoutWait(delays.percentile(99)),
};

/** Timers may fire a little early. */
const withoutWait = (nanoseconds: number): number => Math.max(0, nanoseconds - sampleMs * 1e6);

/** The `process_*` and `nodejs_*` of prom-client. The lag of the event loop is measured less often, and without the wait between samples. */
export function runtimeMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never });
  const delays = monitorEventLoopDelay({ resolution: sampleMs });
  delays.enable();
  const gauges = Object.entries(readings).map(([name, read]) => ({ gauge: replaced(registry, name), read }));
  const collect = () => {
    for (const { gauge, read } of gauges) gauge.set(delays.count === 0 ? 0 : read(delays) / 1e9);
    delays.reset();
  };
  // A registry asks its metrics in the order in which they came, so the first one reads for all.
  Object.assign(gauges[0]?.gauge ?? {}, { collect });
  return registry;
}

function replaced(registry: Registry, name: string): Gauge {
  const metric = `nodejs_eventloop_lag_${name}_seconds`;
  const { help } = registry.getSingleMetric(metric) as unknown as { help: string };
  registry.removeSingleMetric(metric);
  return new Gauge({ name: metric, help, registers: [registry] });
}
