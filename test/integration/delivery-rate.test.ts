import { markBacklog } from '@hookcast/log';
import { leaseTokens } from '../../libs/delivery/src/flow/rate-store.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 2);
});
afterEach(async () => run.close());

const batch = (count: number, prefix = 'e') =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}` }));
const sent = () => requestsOf(run.hooks, 'billing').length;
/** Both clocks stand still until they are told to go on. */
const steppedWorker = (host: string) =>
  run.worker({ host, clock: { now: run.clock.now, monotonic: () => run.clock.now() } });

test('the workers together stay within the rate, and use it', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], rateLimit: 50 });
  const workers = [steppedWorker('a'), steppedWorker('b')];
  const areSharing = async () => {
    run.clock.advance({ seconds: 2 });
    for (const worker of workers) await worker.runOnce();
    return workers.every(({ ownedStreams }) => ownedStreams.length === 1);
  };
  await until(areSharing, { what: 'one stream for each' });
  await run.publish('orders.created', batch(400));
  await Promise.all(workers.map(async (worker) => worker.runOnce()));
  const before = sent();
  expect(before).toBeLessThanOrEqual(10);
  for (let tenth = 1; tenth <= 40; tenth += 1) {
    run.clock.advance({ seconds: 0.1 });
    await Promise.all(workers.map(async (worker) => worker.runOnce()));
    expect(sent()).toBeLessThanOrEqual(10 + 5 * tenth);
  }
  expect(sent() - before).toBeGreaterThan(160);
});

test('a rate that is taken away no longer holds', async () => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'], rateLimit: 1 });
  await run.publish('orders.created', batch(50));
  const worker = run.worker();
  await worker.runOnce();
  expect(sent()).toBe(1);
  run.catalog.subscriptions.set(subscription.id, { ...subscription, rateLimit: null });
  await run.change('select 1');
  await worker.runOnce();
  expect(sent()).toBe(50);
});

test.each<['rateLimit' | 'drainRate', number | null]>([
  ['rateLimit', 100],
  ['drainRate', 100],
  ['rateLimit', null],
])('a %s of one event in a thousand seconds that becomes %s holds up nothing any more', async (rate, next) => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', batch(10));
  await markBacklog(run.pool, subscription.id);
  const become = async (value: number | null) => {
    run.catalog.subscriptions.set(subscription.id, { ...subscription, [rate]: value });
    await run.change('select 1');
  };
  await become(0.001);
  const worker = steppedWorker('a');
  await worker.runOnce();
  run.clock.advance({ seconds: 2 });
  await worker.runOnce();
  expect(sent()).toBe(1);
  await become(next);
  for (let round = 0; round < 3; round += 1) {
    await worker.runOnce();
    run.clock.advance({ seconds: 1 });
  }
  expect(sent()).toBe(10);
});

test('a resume drains what waited at its rate, and what comes later is not held to it', async () => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', batch(40));
  run.catalog.subscriptions.set(subscription.id, { ...subscription, drainRate: 20 });
  await markBacklog(run.pool, subscription.id);
  await run.change('select 1');
  const worker = steppedWorker('a');
  await worker.runOnce();
  expect(sent()).toBe(4);
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    run.clock.advance({ seconds: 0.1 });
    await worker.runOnce();
    expect(sent()).toBeLessThanOrEqual(4 + 2 * tenth);
  }
  for (let tenth = 0; tenth < 15; tenth += 1) {
    run.clock.advance({ seconds: 0.1 });
    await worker.runOnce();
  }
  expect(sent()).toBe(40);
  await run.publish('orders.created', batch(200, 'late-'));
  run.clock.advance({ seconds: 0.1 });
  await worker.runOnce();
  expect(sent()).toBe(240);
});

test('a bucket that was filled by a clock far ahead goes on when a right one asks', async () => {
  const { id: subscriptionId } = await run.subscribe('billing', { topics: ['orders.created'], rateLimit: 50 });
  const lease = async (now: number) =>
    leaseTokens(run.pool, { subscriptionId, rate: 50, burst: 10, now: new Date(now) });
  const start = Date.UTC(2026, 0, 1);
  expect(await lease(start)).toMatchObject({ tokens: 10 });
  expect(await lease(start + 3_600_000)).toMatchObject({ tokens: 10 });
  expect(await lease(start + 1_000)).toMatchObject({ tokens: 0, waitMs: 20 });
  expect(await lease(start + 1_100)).toMatchObject({ tokens: 5 });
  // Within what clocks may differ nobody gets a token twice.
  expect(await lease(start + 9_000)).toMatchObject({ tokens: 10 });
  expect(await lease(start + 1_200)).toMatchObject({ tokens: 0 });
  expect(await lease(start + 9_100)).toMatchObject({ tokens: 5 });
});
