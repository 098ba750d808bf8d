import { markBacklog } from '@hookcast/log';
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

test('the workers together stay within the rate, and use it', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], rateLimit: 50 });
  const workers = [run.worker({ host: 'a' }), run.worker({ host: 'b' })];
  const areSharing = async () => {
    for (const worker of workers) await worker.runOnce();
    return workers.every(({ ownedStreams }) => ownedStreams.length === 1);
  };
  await until(areSharing, { what: 'one stream for each', timeoutMs: 15_000 });
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

test('a resume drains what waited at its rate, and what comes later is not held to it', async () => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', batch(40));
  run.catalog.subscriptions.set(subscription.id, { ...subscription, drainRate: 20 });
  await markBacklog(run.pool, subscription.id);
  await run.change('select 1');
  const worker = run.worker();
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
