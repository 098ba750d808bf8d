import { createDataPool } from '@hookcast/database';
import { requestRedelivery } from '@hookcast/delivery';
import { OwnershipStore } from '../../libs/delivery/src/ownership/ownership-store.js';
import { MinuteStats } from '../../libs/delivery/src/history/stats.js';
import { writeStats } from '../../libs/delivery/src/history/stats-store.js';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let proxy: DatabaseProxy;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
  proxy = await databaseProxy(run.database.url);
});
afterEach(async () => {
  await run.close();
  await proxy.close();
});

/** A worker whose statements go over the proxy. */
const workerBehindProxy = () => {
  const pool = createDataPool(proxy.url, { max: 3 });
  return { pool, worker: run.worker({ pool, settleMs: 100 }) };
};
const publish = async (...ids: string[]) =>
  run.publish(
    'orders.created',
    ids.map((id) => ({ id })),
  );
const attemptsOf = (id: string) =>
  requestsOf(run.hooks, 'billing').filter(({ headers }) => headers['webhook-id'] === id).length;

const deliveryOf = async (eventId: string, subscriptionId: number) => {
  const [event] = await run.rows<{ streamId: number; seq: number; eventAt: Date }>(
    'select stream_id as "streamId", seq::int, created_at as "eventAt" from events where event_id = $1',
    [eventId],
  );
  if (!event) throw new Error(`no event ${eventId}`);
  return { ...event, subscriptionId };
};

/** All that a settle writes, row by row. */
const state = async () => ({
  cursors: await run.rows('select * from cursors order by stream_id, subscription_id'),
  retries: await run.rows('select * from retries order by seq'),
  deadLetters: await run.rows('select seq, reason, attempts, dead_at from dead_letters order by seq'),
  attempts: await run.rows('select seq, attempt_no, outcome from attempts order by seq, attempt_no, outcome'),
  told: await run.rows('select * from operation_results'),
});

test('a settle that arrives after its repetition, and after others, changes nothing', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422] });
  const { pool, worker } = workerBehindProxy();
  try {
    let letGo = () => {};
    const first = new Promise<void>((resolve) => (letGo = resolve));
    run.hooks.respondWith(async ({ headers }) => {
      if (headers['webhook-id'] === 'slow') await first;
      if (headers['hookcast-attempt'] !== '1') return 204;
      return headers['webhook-id'] === 'fails' ? 500 : headers['webhook-id'] === 'dies' ? 422 : 204;
    });
    await publish('slow', 'fine', 'fails', 'dies');
    proxy.holdNext('settle-');
    const round = worker.runOnce();
    await until(async () => (await state()).deadLetters.length === 1, { what: 'the settle to be repeated' });
    expect(proxy.held).toBe(1);
    letGo();
    await round;

    run.clock.advance({ seconds: 2 });
    expect(await requestRedelivery(run.pool, await deliveryOf('dies', id))).toBe('requested');
    await worker.runOnce();
    const settled = await state();
    expect(settled.cursors).toMatchObject([{ settled_seq: '4', above: '{}', delivered: '4', dead: '1' }]);
    expect(settled).toMatchObject({ retries: [], deadLetters: [] });

    await proxy.letThrough();
    expect(await state()).toEqual(settled);
    await worker.runOnce();
    expect(['slow', 'fine', 'fails', 'dies'].map(attemptsOf)).toEqual([1, 1, 2, 2]);
  } finally {
    await worker.stop();
    await pool.end();
  }
});

test('an event that went with its day counts as expired once, though its settle is written again', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  run.hooks.respondWith(() => 500);
  await publish('gone');
  const { pool, worker } = workerBehindProxy();
  try {
    await worker.runOnce();
    await run.rows('delete from events');
    run.clock.advance({ seconds: 2 });
    proxy.holdNext('settle-');
    await worker.runOnce();
    const settled = await state();
    expect(settled).toMatchObject({ cursors: [{ expired: '1' }], retries: [] });
    expect(proxy.held).toBe(1);
    await proxy.letThrough();
    expect(await state()).toEqual(settled);
  } finally {
    await worker.stop();
    await pool.end();
  }
});

test('a database that has forgotten a settle is believed, and what it forgot is delivered again', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  const worker = run.worker();
  await publish('a');
  await worker.runOnce();
  const [before] = await run.rows<{ settled_seq: string; settle_no: string }>('select * from cursors');
  await publish('b');
  await worker.runOnce();
  // As a replica has it that did not get the last commits before it took over.
  await run.rows('update cursors set settled_seq = $1, delivered = 1, settle_no = $2', [
    before?.settled_seq,
    before?.settle_no,
  ]);
  await run.rows('delete from attempts where seq = 2');
  await publish('c');
  await worker.runOnce();
  await worker.runOnce();
  expect(['a', 'b', 'c'].map(attemptsOf)).toEqual([1, 2, 2]);
  expect((await state()).cursors).toMatchObject([{ settled_seq: '3', above: '{}', delivered: '3' }]);
});

test('a suspension that arrives after the subscription was resumed is refused', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  const { pool, worker } = workerBehindProxy();
  const stateOfIt = async () => (await run.rows<{ state: string }>('select state from subscriptions'))[0]?.state;
  try {
    run.hooks.respondWith(() => 410);
    await publish('a');
    proxy.holdNext("set state = 'suspended'");
    await worker.runOnce();
    await until(() => run.lines.some(({ event }) => event === 'delivery.suspend-failed'));
    await worker.runOnce();
    await until(async () => (await stateOfIt()) === 'suspended', { what: 'the suspension to be tried again' });
    await run.change(`update subscriptions set state = 'active' where id = $1`, [id]);
    await proxy.letThrough();
    expect(await stateOfIt()).toBe('active');
  } finally {
    await worker.stop();
    await pool.end();
  }
});

describe('of two workers', () => {
  const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
  const claim = { streamIds: [1], fromSilent: true, deadAfterMs: 10_000, held: new Map<number, number>() };
  let store: OwnershipStore;
  beforeEach(async () => {
    store = new OwnershipStore(run.pool);
    for (const [pid, workerId] of [a, b].entries())
      await store.beat({ workerId, host: 'here', pid, startedAt: new Date() }, false);
  });

  test('one that gives a stream away too late does not lose it when it has come back', async () => {
    await store.claim({ ...claim, workerId: a });
    await store.release(a, new Map([[1, 1]]));
    await store.claim({ ...claim, workerId: b });
    await store.release(b, new Map([[1, 2]]));
    await store.claim({ ...claim, workerId: a });
    await store.release(a, new Map([[1, 1]]));
    expect(await store.owned(a)).toEqual(new Map([[1, 3]]));
  });

  test('a claim that arrives after its repetition does not fence off the worker itself', async () => {
    const repeated = { ...claim, workerId: a };
    expect(await store.claim(repeated)).toMatchObject([{ streamId: 1, epoch: 1 }]);
    expect(await store.claim(repeated)).toEqual([]);
    expect(await store.owned(a)).toEqual(new Map([[1, 1]]));
    // It knows from the table, and not from an answer, that it owns the stream.
    expect(await store.claim({ ...repeated, held: await store.owned(a) })).toMatchObject([{ epoch: 2 }]);
  });
});

test('figures of a minute that arrive late do not go back', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  const workerId = '00000000-0000-4000-8000-00000000000a';
  const [early, minute] = [new MinuteStats(id, 0), new MinuteStats(id, 0)];
  early.count('delivered', 1);
  minute.count('delivered', 1);
  minute.count('failed', 50);
  await writeStats(run.pool, workerId, [minute]);
  await writeStats(run.pool, workerId, [early]);
  expect(await run.rows('select delivered, failed from delivery_stats')).toEqual([{ delivered: 1, failed: 1 }]);
});
