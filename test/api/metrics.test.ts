import { DeliveryWorker } from '@hookcast/delivery';
import { ReconciliationLoop } from '../../apps/broker/src/reconciliation/reconciliation-loop.js';
import { metrics } from '../../apps/broker/src/metrics/metric-table.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hook: HookServer;
let now: Date | undefined;
beforeEach(async () => {
  now = undefined;
  hook = await hookServer();
  broker = await testBroker({
    settings: { HOOKCAST_ROLE: 'all', HOOKCAST_DEFAULT_PARTITIONS: '1', HOOKCAST_METRICS_MAX_SERIES: '2' },
    clock: { now: () => now ?? new Date() },
  });
});
afterEach(async () => {
  await broker?.close();
  await hook?.close();
});

/** Series → value. */
async function scrape(): Promise<Map<string, number>> {
  const { status, text, headers } = await broker.call('GET', '/metrics');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, series = '', value = ''] = /^(.+) (\S+)$/.exec(line) ?? [];
      return [series.replace(/^hookcast_/, ''), Number(value)];
    }),
  );
}

async function subscribe(name: string, rest: object = {}): Promise<void> {
  const body = { topics: ['t'], url: `${hook.url}/${name}`, ...rest };
  expect((await broker.call('PUT', `/v1/subscriptions/${name}`, body)).status).toBe(201);
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
}

const of = (name: string) => `namespace="default",subscription="${name}"`;

test('counts publishes, what refuses them, and what becomes of deliveries', async () => {
  await subscribe('picky', { filter: 'data.n > 1', nonRetryable: [404] });
  hook.respondWith(({ body }) => (/"n":2/.test(body.toString()) ? 404 : 204));
  for (const n of [1, 2, 3]) await broker.publish('t', { n }, { 'ce-id': `e${n}` });
  await broker.publish('t', { n: 3 }, { 'ce-id': 'e3' });
  expect((await broker.call('POST', '/v1/topics/t/events', { n: 4 }, { headers: { 'ce-id': 'e3' } })).status).toBe(409);
  const found = await until(
    async () => {
      const series = await scrape();
      return series.get(`subscription_backlog_events{${of('picky')}}`) === 0 ? series : undefined;
    },
    { what: 'everything to be settled' },
  );
  const expected = {
    'publish_requests_total{outcome="stored"}': 4,
    'publish_requests_total{outcome="event-id-conflict"}': 1,
    'published_events_total{duplicate="false"}': 3,
    'published_events_total{duplicate="true"}': 1,
    publish_duration_seconds_count: 4,
    'delivery_attempts_total{outcome="delivered"}': 1,
    'delivery_attempts_total{outcome="dead"}': 1,
    [`subscription_deliveries_total{${of('picky')},outcome="delivered"}`]: 1,
    [`subscription_deliveries_total{${of('picky')},outcome="dead"}`]: 1,
    [`subscription_deliveries_total{${of('picky')},outcome="filtered"}`]: 1,
    [`subscription_oldest_pending_seconds{${of('picky')}}`]: 0,
    'subscriptions{state="active"}': 1,
    retries_waiting: 0,
    owned_streams: 1,
    database_up: 1,
    publishing_refused: 0,
  };
  expect(Object.fromEntries(Object.keys(expected).map((series) => [series, found.get(series)]))).toEqual(expected);
  expect(found.get('database_bytes')).toBeGreaterThan(1_000_000);
  expect(found.get('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
});

test('shows how far the paused and the suspended are behind, and what waits for another attempt', async () => {
  await subscribe('paused');
  await subscribe('gone');
  await broker.call('POST', '/v1/subscriptions/paused/pause');
  hook.respondWith(() => 410);
  await broker.publish('t', {});
  const read = async () => {
    const series = await scrape();
    return series.get(`subscription_suspended{${of('gone')}}`) === 1 && series.get('retries_waiting') === 1
      ? series
      : undefined;
  };
  await until(read, { what: 'the suspension' });
  now = new Date(Date.now() + 600_000);
  const found = await scrape();
  expect(found.get(`subscription_backlog_events{${of('paused')}}`)).toBe(1);
  expect(found.get(`subscription_suspended{${of('paused')}}`)).toBe(0);
  expect(found.get(`subscription_oldest_pending_seconds{${of('paused')}}`)).toBeGreaterThan(590);
  expect(found.get('subscriptions{state="paused"}')).toBe(1);
  expect(found.get('subscriptions{state="suspended"}')).toBe(1);
});

test('subscriptions and sources beyond the bound share their series', async () => {
  for (const name of ['a', 'b', 'c', 'd']) {
    await subscribe(name);
    await broker.call('POST', `/v1/subscriptions/${name}/pause`);
  }
  await broker.publish('t', {});
  const found = await scrape();
  const backlogs = [...found].filter(([series]) => series.startsWith('subscription_backlog_events'));
  expect(backlogs).toEqual([
    [`subscription_backlog_events{${of('a')}}`, 1],
    [`subscription_backlog_events{${of('b')}}`, 1],
    ['subscription_backlog_events{namespace="_other",subscription="_other"}', 2],
  ]);
  const ages = [...found.keys()].filter((series) => series.startsWith('subscription_oldest_pending'));
  expect(ages).toHaveLength(3);
});

test('counts what sources receive and refuse, with the reason', async () => {
  const made = await broker.call<{ url: string }>('PUT', '/v1/sources/hub', {
    sender: 'github',
    secret: 'a-shared-secret-0123456789',
  });
  const { pathname } = new URL(made.body.url);
  const headers = { 'x-hub-signature-256': 'sha256=00', 'x-github-event': 'push', 'x-github-delivery': 'd1' };
  for (let times = 0; times < 2; times += 1) {
    expect((await fetch(`${broker.url}${pathname}`, { method: 'POST', body: '{}', headers })).status).toBe(401);
  }
  const found = [...(await scrape())].filter(([series]) => series.startsWith('source_requests_total'));
  expect(found).toEqual([
    [
      expect.stringMatching(
        /^source_requests_total\{namespace="default",source="hub",verdict="refused",reason="[a-z-]+"\}$/,
      ),
      2,
    ],
  ]);
});

test('shows what the reconciler found and when', async () => {
  expect((await scrape()).has('reconciliation_last_run_timestamp_seconds')).toBe(false);
  await subscribe('s');
  await broker.publish('t', {});
  await until(async () => (await scrape()).get(`subscription_backlog_events{${of('s')}}`) === 0, {
    what: 'the delivery',
  });
  now = new Date('2026-11-24T12:00:00Z');
  const { deliveries } = await broker.app.get(ReconciliationLoop, { strict: false }).runOnce();
  expect(deliveries).toBeGreaterThan(0);
  const found = await scrape();
  expect(found.get('reconciled_deliveries_total')).toBe(deliveries);
  expect(found.get('reconciliation_violations_total')).toBe(0);
  expect(found.get('reconciliation_last_run_timestamp_seconds')).toBe(now.getTime() / 1000);
});

test('tells what the process knows while the database is away', async () => {
  await broker.publish('t', {});
  await broker.database.pool.query('alter table subscriptions rename to away');
  const found = await scrape();
  expect(found.get('database_up')).toBe(0);
  expect(found.get('publish_requests_total{outcome="stored"}')).toBe(1);
  expect(found.has('retries_waiting')).toBe(false);
});

test('a worker process answers too, without what only an api process counts', async () => {
  const worker = await testBroker({ settings: { HOOKCAST_ROLE: 'worker' } });
  try {
    const { status, text } = await worker.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(text).toContain('hookcast_owned_streams');
    expect(text).not.toContain('hookcast_publish_requests_total');
    expect((await worker.call('GET', '/metrics', undefined, { authorization: undefined })).status).toBe(401);
  } finally {
    await worker.close();
  }
});

test('every metric that is exposed is in the table, with its type', async () => {
  await broker.publish('t', {});
  const { text } = await broker.call('GET', '/metrics');
  const types = [...text.matchAll(/^# TYPE hookcast_(\S+) (\S+)$/gm)].map(([, name = '', type]) => ({ name, type }));
  expect(types.length).toBeGreaterThan(12);
  for (const { name, type } of types) expect({ name, type }).toEqual({ name, type: table.get(name) });
});

const table = new Map<string, string>(Object.entries(metrics).map(([name, { type }]) => [name, type]));
