import { DeliveryWorker, noteSlowed } from '@hookcast/delivery';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hook: HookServer;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all', HOOKCAST_DEFAULT_PARTITIONS: '1' } });
  hook = await hookServer();
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

const past = 60;
const inMemory = () => broker.app.get(DeliveryWorker, { strict: false }).buffered.events;
const arrived = (count: number) => until(() => hook.requests.length >= count, { what: `${count} requests` });

test('of all that waits for a replay, at most one delivery goes before a live one', async () => {
  await broker.call('PUT', '/v1/subscriptions/billing', { topics: ['orders'], url: hook.url, concurrency: 1 });
  for (let n = 0; n < past; n += 1) await broker.publish('orders', { n });
  await arrived(past);
  const held: (() => void)[] = [];
  hook.requests.length = 0;
  hook.respondWith(() => new Promise((resolve) => held.push(() => resolve(204))));

  const { body } = await broker.call<{ id: string }>('POST', '/v1/subscriptions/billing/replays', {
    from: 'earliest',
    rate: 1_000,
  });
  const waiting = async () => (await broker.call<{ waiting: number }>('GET', `/v1/operations/${body.id}`)).body.waiting;
  await until(async () => (await waiting()) > past / 2, { what: 'most of the replay set going' });
  await arrived(1);
  for (let live = 1; live <= 3; live += 1) {
    await until(() => inMemory() === 0, { what: 'no live event in memory' });
    await broker.publish('orders', { live });
    await until(() => inMemory() === 1, { what: 'the live event in memory' });
    const before = hook.requests.length;
    for (const next of [1, 2]) {
      held.shift()?.();
      await arrived(before + next);
    }
    expect(hook.requests.slice(before).map(({ headers }) => headers['hookcast-replay'] ?? 'live')).toContain('live');
  }
  expect(await waiting()).toBeGreaterThan(0);
  hook.respondWith(() => 204);
  for (const release of held) release();
  await until(async () => (await waiting()) === 0, { what: 'the end of the replay' });
});

test('what a replay delivers comes evenly, and not all at once when the worker has found it', async () => {
  const url = `${hook.url}/even`;
  await broker.call('PUT', '/v1/subscriptions/even', { topics: ['even'], url, concurrency: 64 });
  for (let n = 0; n < past; n += 1) await broker.publish('even', { n });
  const replayed = () =>
    hook.requests.filter(({ headers, url: path }) => path === '/even' && headers['hookcast-replay']);
  const settled = async () =>
    (await broker.call<{ backlog: number }>('GET', '/v1/subscriptions/even')).body.backlog === 0;
  await until(settled, { what: 'past events' });
  await broker.call('POST', '/v1/subscriptions/even/replays', { from: 'earliest', rate: 20 });
  await until(() => replayed().length === past, { what: 'the replay' });
  // Of two in the same tenth of a second there are a few; when they came as they were found, it was twenty each second.
  const tenths = new Set(replayed().map(({ at }) => Math.floor(at.getTime() / 100)));
  expect(tenths.size).toBeGreaterThan(past / 4);
});

test('an operation that gives way says at what pace it runs, and why', async () => {
  interface Shown {
    id: string;
    status: string;
    rate: number;
    pace: number | null;
    slowedBy: string | null;
  }
  await broker.call('PUT', '/v1/subscriptions/slowed', { topics: ['slowed'], url: hook.url });
  await broker.publish('slowed', {});
  await broker.call('POST', '/v1/subscriptions/slowed/pause');
  const begun = await broker.call<Shown>('POST', '/v1/subscriptions/slowed/replays', { from: 'earliest', rate: 100 });
  expect(begun.body).toMatchObject({ rate: 100, pace: 100, slowedBy: null });
  const { id } = begun.body;
  const show = async () => (await broker.call<Shown>('GET', `/v1/operations/${id}`)).body;
  const reason = 'live deliveries waited 31 ms to be read';
  await until(
    async () => {
      await noteSlowed(broker.database.pool, { operationId: id, pace: 34.3046, reason });
      return (await show()).slowedBy === reason;
    },
    { what: 'the reason' },
  );
  expect(await show()).toMatchObject({ status: 'running', rate: 100, pace: 34.3, slowedBy: reason });
  await broker.call('DELETE', `/v1/operations/${id}`);
  expect(await show()).toMatchObject({ status: 'cancelled', pace: null, slowedBy: null });
  await noteSlowed(broker.database.pool, { operationId: id, pace: 1, reason });
  expect(await show()).toMatchObject({ pace: null, slowedBy: null });
});
