import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * Milliseconds between two samples of the event loop. Each of them wakes the process: at the 10 ms of prom-client that
 * was a quarter of what an idle broker costs.
 */
const sampleMs = 100;
/** Milliseconds, the most that a timer takes: prom-client's own samples do not come. */
const never = 2 ** 31 - 1;

interface Reading {
  readonly help: string;
  /** Nanoseconds; a delay as it is measured includes the wait for the sample. */
  readonly of: (delays: IntervalHistogram) => number;
}

/** What is told of the delays since the last scrape. */
const readings: Readonly<Record<string, Reading>> = {
  min: { help: 'The minimum recorded event loop delay.', of: ({ min }) => withoutWait(min) },
  max: { help: 'The maximum recorded event loop delay.', of: ({ max }) => withoutWait(max) },
  mean: { help: 'The mean of the recorded event loop delays.', of: ({ mean }) => withoutWait(mean) },
  stddev: { help: 'The standard deviation of the recorded event loop delays.', of: ({ stddev }) => stddev },
  p50: { help: 'The 50th percentile of the recorded event loop delays.', of: percentile(50) },
  p90: { help: 'The 90th percentile of the recorded event loop delays.', of: percentile(90) },
  p99: { help: 'The 99th percentile of the recorded event loop delays.', of: percentile(99) },
};

function percentile(share: number): Reading['of'] {
  return (delays) => withoutWait(delays.percentile(share));
}

/** Timers may fire a little early. */
function withoutWait(nanoseconds: number): number {
  return Math.max(0, nanoseconds - sampleMs * 1e6);
}

/** The `process_*` and `nodejs_*` of prom-client. The lag of the event loop is measured less often, and without the wait between samples. */
export function runtimeMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never });
  const delays = monitorEventLoopDelay({ resolution: sampleMs });
  delays.enable();
  const gauges = Object.entries(readings).map(([name, { help, of }]) => {
    const metric = `nodejs_eventloop_lag_${name}_seconds`;
    registry.removeSingleMetric(metric);
    return { gauge: new Gauge({ name: metric, help, registers: [registry] }), of };
  });
  const collect = () => {
    for (const { gauge, of } of gauges) gauge.set(delays.count === 0 ? 0 : of(delays) / 1e9);
    delays.reset();
  };
  // A registry asks its metrics in the order in which they came, so the first one reads for all.
  Object.assign(gauges[0]?.gauge ?? {}, { collect });
  return registry;
}
