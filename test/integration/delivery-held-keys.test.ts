import { Appender, backlogs, DayPartitions, ensureDays, type NewEvent } from '@hookcast/log';
import type { Ordering } from '../../libs/delivery/src/order/order-gate.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
});
afterEach(async () => run.close());

const publish = async (events: Partial<NewEvent>[]) => run.publish('orders.created', events);
const keyed = (...ids: string[]) => ids.map((id) => ({ id, key: id.charAt(0) }));
const subscribe = async (more: Partial<Parameters<DeliverySetup['subscribe']>[1]> = {}) =>
  run.subscribe('billing', { topics: ['orders.created'], ordering: 'key', ...more });
const idsIn = ({ body }: { body: Buffer }): string[] => {
  const parsed = JSON.parse(body.toString()) as { id: string } | { id: string }[];
  return Array.isArray(parsed) ? parsed.map(({ id }) => id) : [parsed.id];
};
const sent = () => requestsOf(run.hooks, 'billing').flatMap(idsIn);
const fail = (id: string) => run.hooks.respondWith((request) => (idsIn(request).includes(id) ? 500 : 204));

const slowly = { schedule: [86_400, 86_400], jitter: 0 };
const dayMs = 86_400_000;

/** A topic that keeps events for a day, with one event of three days ago. */
async function withOldEvent(id: string): Promise<void> {
  const topic = await run.topic('orders.created', 1);
  await run.pool.query('update topics set retention_days = 1');
  const threeDaysAgo = new Date(Date.now() - 3 * dayMs);
  await ensureDays(run.pool, threeDaysAgo, 4);
  const past = new Appender({ pool: run.pool, now: () => threeDaysAgo });
  await past.append(topic, [{ id, key: id.charAt(0), type: 'old', source: '/old', attributes: {}, data: undefined }]);
  await past.stop();
}

test.each<Ordering>(['key', 'strict'])(
  'a failing event that went with its day holds back nothing any more (%s)',
  async (ordering) => {
    await withOldEvent('a1');
    fail('a1');
    await subscribe({ ordering, retry: slowly });
    const worker = run.worker();
    expect(await worker.runOnce()).toMatchObject({ retried: 1 });
    await publish(keyed('a2'));
    expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
    expect(await new DayPartitions({ pool: run.pool }).runOnce()).toMatchObject({ buried: 1 });
    run.clock.advance({ seconds: 60 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
    expect(sent()).toEqual(['a1', 'a2']);
  },
);

test('a key whose failing event is still there stays held back, however often that is looked up', async () => {
  await run.topic('orders.created', 1);
  fail('a1');
  await subscribe({ retry: slowly });
  await publish(keyed('a1', 'a2'));
  const worker = run.worker();
  await worker.runOnce();
  for (let minutes = 0; minutes < 3; minutes += 1) {
    run.clock.advance({ seconds: 60 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
  }
  expect(sent()).toEqual(['a1']);
});

test('an event that has expired leaves a batch without opening its key for others', async () => {
  await run.topic('orders.created', 1);
  await subscribe({ batch: { maxEvents: 10, maxBytes: 1_048_576 } });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  run.hooks.respondWith(async (request) => {
    if (idsIn(request).includes('a1')) await answered;
    return 204;
  });
  await publish([...keyed('a1'), { id: 'a2', key: 'a', expiresAt: new Date(run.clock.now() - 1_000) }]);
  const worker = run.worker();
  const first = worker.runOnce();
  await until(() => sent().includes('a1'), { what: 'the batch with a1' });
  await publish(keyed('a3', 'b1'));
  const second = worker.runOnce();
  await until(() => sent().includes('b1'), { what: 'the batch with b1' });
  const meanwhile = sent();
  answer();
  await Promise.all([first, second]);
  expect(meanwhile).toEqual(['a1', 'b1']);
  expect(sent()).toEqual(['a1', 'b1', 'a3']);
});

test('the rate of a resume ends with the backlog, also while a key of it is held back', async () => {
  await run.topic('orders.created', 1);
  fail('a1');
  await subscribe({ retry: slowly, drainRate: 5 });
  await publish(keyed('a1', 'a2', 'b1'));
  await run.pool.query('update cursors set drain_seq = 3');
  const worker = run.worker();
  const drained = async () => {
    run.clock.advance({ seconds: 1 });
    await worker.runOnce();
    return sent().includes('b1');
  };
  await until(drained, { what: 'the backlog to be drained' });
  await publish(Array.from({ length: 100 }, (_, index) => ({ id: `n${index}` })));
  // At 5 a second these would take 200 of the rounds.
  let rounds = 0;
  const delivered = async () => {
    run.clock.advance({ seconds: 0.1 });
    rounds += 1;
    await worker.runOnce();
    return sent().length === 102;
  };
  await until(delivered, { what: 'what came after the backlog' });
  expect(rounds).toBeLessThan(100);
});

test('the backlog is what waits, though a key that is held back stops the mark', async () => {
  await run.topic('orders.created', 1);
  fail('a1');
  const { id } = await subscribe({ retry: slowly });
  await publish(keyed('a1', 'a2', 'b1', 'c1', 'd1'));
  await run.worker().runOnce();
  const shown = async () => (await backlogs(run.pool, [id])).get(id);
  expect(await shown()).toMatchObject({ backlog: 1, toDrain: 0 });
  await run.pool.query('update cursors set drain_seq = 4');
  expect(await shown()).toMatchObject({ toDrain: 1 });
  // Nobody reads what comes now.
  await publish(keyed('e1', 'f1'));
  expect(await shown()).toMatchObject({ backlog: 3, toDrain: 1 });
});

test.each<[Ordering, Ordering]>([
  ['none', 'key'],
  ['key', 'strict'],
  ['none', 'strict'],
])(
  'what a batch holds back is not forgotten when the order changes meanwhile, from %s to %s',
  async (before, after) => {
    await run.topic('orders.created', 1);
    const batch = { maxEvents: 10, maxBytes: 1_048_576 };
    const subscription = await subscribe({ ordering: before, batch });
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    run.hooks.respondWith(async (request) => {
      if (idsIn(request).length === 1) return 204;
      await answered;
      return { status: 200, body: JSON.stringify({ results: [{ id: 'a1', verdict: 'retry' }] }) };
    });
    await publish(keyed('a1', 'a2'));
    const worker = run.worker();
    const round = worker.runOnce();
    await until(() => sent().length === 2, { what: 'the batch' });
    run.catalog.subscriptions.set(subscription.id, { ...subscription, ordering: after });
    await run.change('select 1');
    await worker.reload();
    answer();
    await round;
    run.clock.advance({ seconds: 1 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
    expect(sent()).toEqual(['a1', 'a2', 'a1', 'a2']);
  },
);

test('what waits for a retry goes on after it, though the order has changed while that was under way', async () => {
  await run.topic('orders.created', 1);
  const subscription = await subscribe({ ordering: 'none' });
  fail('a1');
  await publish(keyed('a1'));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  let answer = () => {};
  const answered = new Promise<number>((resolve) => (answer = () => resolve(204)));
  run.hooks.respondWith(async (request) => (idsIn(request).includes('a1') ? answered : 204));
  run.clock.advance({ seconds: 1 });
  const round = worker.runOnce();
  await until(() => sent().length === 2, { what: 'the retry' });
  run.catalog.subscriptions.set(subscription.id, { ...subscription, ordering: 'key' });
  await run.change('select 1');
  await worker.reload();
  await publish(keyed('a2', 'b1'));
  const others = worker.runOnce();
  await until(() => sent().includes('b1'), { what: 'another key' });
  expect(sent()).not.toContain('a2');
  answer();
  await Promise.all([round, others]);
  expect(sent()).toEqual(['a1', 'a1', 'b1', 'a2']);
});
