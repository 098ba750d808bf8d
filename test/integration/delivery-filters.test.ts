import { deliveryFigures } from '@hookcast/delivery';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created');
});
afterEach(async () => run.close());

const ids = (name: string) => requestsOf(run.hooks, name).map(({ headers }) => String(headers['webhook-id']));
const order = (id: string, data: unknown) => ({ id, data: Buffer.from(JSON.stringify(data)) });
const unsettled = async () =>
  run.rows('select 1 from cursors join streams using (stream_id) where settled_seq < head_seq');

test('sends what the filter matches and settles the rest without an attempt', async () => {
  await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  await run.subscribe('all', { topics: ['orders.created'] });
  await run.publish('orders.created', [order('a', { total: 150 }), order('b', { total: 50 }), order('c', {})]);
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 4 });
  expect(ids('large')).toEqual(['a']);
  expect(ids('all').toSorted()).toEqual(['a', 'b', 'c']);
  expect(await unsettled()).toEqual([]);
  expect(await run.rows('select 1 from attempts')).toHaveLength(4);
  expect(worker.filterCounts).toEqual({ filtered: 2, errors: 1 });
});

test('says once a minute that a filter fails on events', async () => {
  await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  const worker = run.worker();
  const warnings = () => run.lines.filter(({ event }) => event === 'delivery.filter-error').map(({ fields }) => fields);
  await run.publish('orders.created', [order('a', {}), order('b', {}), order('c', {})]);
  await worker.runOnce();
  expect(warnings()).toMatchObject([{ subscription: 'large', detail: 'data.total is missing', errorsBefore: 0 }]);
  run.clock.advance({ seconds: 60 });
  await run.publish('orders.created', [order('d', {})]);
  await worker.runOnce();
  expect(warnings()).toMatchObject([{ errorsBefore: 0 }, { eventId: 'd', errorsBefore: 2 }]);
});

test('counts for each subscription the events that its filter fails on', async () => {
  const { id } = await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  const other = await run.subscribe('all', { topics: ['orders.created'] });
  const worker = run.worker();
  await run.publish('orders.created', [
    order('a', {}),
    order('b', {}),
    order('c', { total: 150 }),
    order('d', { total: 1 }),
  ]);
  await worker.runOnce();
  await worker.stop();
  const figures = await deliveryFigures(run.pool, [id, other.id], new Date(run.clock.now() - 900_000));
  expect(figures.get(id)).toMatchObject({ filterErrors: 2, delivered: 1, successRate: 1 });
  expect(figures.get(other.id)).toMatchObject({ filterErrors: 0, delivered: 4 });
});

test('a changed filter counts from the next event on', async () => {
  const subscription = await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  const worker = run.worker();
  await run.publish('orders.created', [order('a', { total: 50 })]);
  await worker.runOnce();
  run.catalog.subscriptions.set(subscription.id, { ...subscription, filter: 'data.total < 100' });
  await run.change('select 1');
  await run.publish('orders.created', [order('b', { total: 50 }), order('c', { total: 150 })]);
  await worker.runOnce();
  expect(ids('large')).toEqual(['b']);
  expect(await unsettled()).toEqual([]);
});

test('what failed once is tried again whatever the filter has become', async () => {
  const subscription = await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  const worker = run.worker();
  run.hooks.answer(500);
  await run.publish('orders.created', [order('a', { total: 150 })]);
  await worker.runOnce();
  run.catalog.subscriptions.set(subscription.id, { ...subscription, filter: 'data.total < 100' });
  await run.change('select 1');
  run.clock.advance({ seconds: 2 });
  await worker.runOnce();
  expect(ids('large')).toEqual(['a', 'a']);
});

test('an expired event that the filter does not match is no dead letter, and a delayed one no row', async () => {
  await run.subscribe('large', { topics: ['orders.created'], filter: 'data.total > 100' });
  const [past, later] = [new Date(run.clock.now() - 1000), new Date(run.clock.now() + 60_000)];
  await run.publish('orders.created', [
    { ...order('a', { total: 50 }), expiresAt: past },
    { ...order('b', { total: 50 }), deliverAt: later },
  ]);
  await run.worker().runOnce();
  expect(await run.rows('select 1 from dead_letters union all select 1 from retries')).toEqual([]);
  expect(await unsettled()).toEqual([]);
});
