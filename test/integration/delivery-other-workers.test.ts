import { setTimeout as pause } from 'node:timers/promises';
import type { DeliverySubscription, DeliveryWorker } from '@hookcast/delivery';
import { until } from '../support/until.js';
import { setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 2);
});
afterEach(async () => run.close());

const retries = { schedule: [600], jitter: 0 };
/** Spread over both partitions. */
const events = (count: number) => Array.from({ length: count }, (_, index) => ({ key: `k${index}` }));
const sent = () => run.hooks.requests.length;
const count = async (table: string) =>
  Number((await run.rows<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);

/** Two workers that own one partition each. */
async function twoWorkers(): Promise<[DeliveryWorker, DeliveryWorker]> {
  let passed = 0;
  const clock = { now: run.clock.now, monotonic: () => performance.now() + passed };
  const pair = [run.worker({ host: 'a', clock }), run.worker({ host: 'b', clock })] as const;
  const isShared = () => pair.every(({ ownedStreams }) => ownedStreams.length === 1);
  for (let round = 0; round < 6 && !isShared(); round += 1) {
    for (const worker of pair) await worker.runOnce();
    // The next heartbeat is due.
    passed += 2_100;
  }
  expect(isShared()).toBe(true);
  for (const worker of pair) await worker.runOnce();
  return [...pair];
}

test('two workers together have hardly more requests in flight than the ceiling, and one alone has all of it', async () => {
  const inFlight = { now: 0, most: 0 };
  run.hooks.respondWith(async () => {
    inFlight.most = Math.max(inFlight.most, (inFlight.now += 1));
    await pause(40);
    inFlight.now -= 1;
    return 204;
  });
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 8 });
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const [one, other] = [run.worker({ host: 'a', clock }), run.worker({ host: 'b', clock })];
  one.start();
  other.start();
  const owns = (worker: DeliveryWorker) => worker.ownedStreams.length;
  await until(() => owns(one) === 1 && owns(other) === 1, { timeoutMs: 20_000, what: 'a stream for each' });
  await run.publish('orders.created', events(1_000));
  await run.publish('orders.created', events(1_000));
  const windows = () => (one.window(id) ?? 0) + (other.window(id) ?? 0);
  await until(() => windows() === 8 && inFlight.now > 4, { timeoutMs: 20_000, what: 'both to share the ceiling' });
  await until(() => inFlight.now <= 8, { what: 'what was sent before to end' });
  inFlight.most = 0;
  const before = sent();
  await until(() => sent() > before + 200, { timeoutMs: 20_000, what: 'more requests' });
  // Each would have 8. A moment in which one has less under way when it tells of it is lent to the other for a second.
  expect(inFlight.most).toBeLessThanOrEqual(12);
  expect(inFlight.most).toBeGreaterThan(5);
  await other.stop();
  await until(() => one.window(id) === 8, { timeoutMs: 20_000, what: 'the one that is left to have all of it' });
}, 90_000);

test('a hook that asks one worker for quiet has it from the other too, without rows, and both go on when it ends', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], retry: retries });
  const [one, other] = await twoWorkers();
  run.hooks.respondWith(() => ({ status: 429, headers: { 'retry-after': '60' } }));
  await run.publish('orders.created', events(60));
  expect(await one.runOnce()).toMatchObject({ retried: 1 });
  await one.runOnce();
  const before = sent();
  expect(await other.runOnce()).toMatchObject({ retried: 0, parked: 0 });
  run.clock.advance({ seconds: 59 });
  await other.runOnce();
  expect(sent()).toBe(before);
  expect(await count('retries')).toBe(1);
  run.hooks.respondWith(() => 204);
  run.clock.advance({ seconds: 1 });
  const delivered = (await one.runOnce()).delivered + (await other.runOnce()).delivered;
  run.clock.advance({ seconds: 600 });
  expect(delivered + (await one.runOnce()).delivered).toBe(60);
});

test('what an old URL asked for does not hold back the new one', async () => {
  const subscription: DeliverySubscription = await run.subscribe('billing', {
    topics: ['orders.created'],
    retry: retries,
  });
  const [one, other] = await twoWorkers();
  run.hooks.respondWith(({ url }) => (url === '/billing' ? { status: 429, headers: { 'retry-after': '3600' } } : 204));
  await run.publish('orders.created', events(60));
  await one.runOnce();
  await one.runOnce();
  await other.runOnce();
  const moved = { ...subscription, url: `${run.hooks.url}/moved` };
  run.catalog.subscriptions.set(subscription.id, moved);
  await run.change('update subscriptions set url = $2 where id = $1', [moved.id, moved.url]);
  const first = (await other.runOnce()).delivered;
  expect(first).toBeGreaterThan(0);
  // The first worker has not heard of the change yet, and its word still stands.
  await run.publish('orders.created', events(60));
  expect((await other.runOnce()).delivered).toBe(first);
});

test('the sign of life that one worker gets is followed by a probe of the other at once', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], retry: retries });
  const [one, other] = await twoWorkers();
  run.hooks.respondWith(() => 503);
  await run.publish('orders.created', events(200));
  const failed = [await one.runOnce(), await other.runOnce()].reduce((sum, { retried }) => sum + retried, 0);
  run.clock.advance({ seconds: 5 });
  for (let probe = 0; probe < 3; probe += 1) {
    expect(await other.runOnce()).toMatchObject({ parked: 1 });
    run.clock.advance({ seconds: 10 * 2 ** probe });
  }
  expect(await other.runOnce()).toMatchObject({ parked: 1 });
  run.hooks.respondWith(() => 204);
  const first = (await one.runOnce()).delivered;
  expect(first).toBeGreaterThan(50);
  await one.runOnce();
  const second = (await other.runOnce()).delivered;
  expect(first + second).toBe(200 - failed);
});

test('a probe that such a word brings about and that fails costs no attempt', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], retry: retries });
  const [one, other] = await twoWorkers();
  run.hooks.respondWith(() => 503);
  await run.publish('orders.created', events(200));
  await one.runOnce();
  await other.runOnce();
  const attempts = await count('attempts');
  run.clock.advance({ seconds: 5 });
  run.hooks.answer(204);
  await one.runOnce();
  const after = await count('attempts');
  await one.runOnce();
  expect(await other.runOnce()).toMatchObject({ parked: 1, retried: 0 });
  expect(await count('attempts')).toBe(after);
  expect(after).toBeGreaterThan(attempts);
});
