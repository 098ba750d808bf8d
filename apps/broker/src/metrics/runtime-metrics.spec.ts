import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { runtimeMetrics } from './runtime-metrics.js';

/** Holds up everything, as a long computation does. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Seconds, by the name of the gauge. */
async function lags(registry: Registry): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^nodejs_eventloop_lag_(\w+)_seconds (\S+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    }),
  );
}

test('the lag of the event loop is what held it up, without the wait between samples, since the last scrape', async () => {
  const registry = runtimeMetrics();
  expect([...(await lags(registry)).values()].every((value) => value === 0)).toBe(true);
  await delay(250);
  block(400);
  await delay(250);
  const found = await lags(registry);
  expect([...found.keys()].toSorted()).toEqual(['max', 'mean', 'min', 'p50', 'p90', 'p99', 'stddev']);
  // At most one wait of 100 ms had passed when it began.
  expect(found.get('max')).toBeGreaterThan(0.28);
  expect(found.get('min')).toBeLessThan(0.2);
  await lags(registry);
  expect((await lags(registry)).get('max')).toBeLessThan(0.28);
});
