import { createDataPool } from '@hookcast/database';
import type pg from 'pg';
import { databaseStores } from '../../libs/delivery/src/delivery-stores.js';
import { readTimeline } from '../../libs/delivery/src/ownership/timeline-store.js';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let proxy: DatabaseProxy;
let pool: pg.Pool;
let timeline = '00000001';
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
  await run.subscribe('billing', { topics: ['orders.created'] });
  proxy = await databaseProxy(run.database.url);
  pool = createDataPool(proxy.url, { max: 3 });
  timeline = '00000001';
});
afterEach(async () => {
  await run.close();
  await pool.end();
  await proxy.close();
});

/** A worker whose database says which history it has, when it can be reached. */
function worker() {
  const stores = databaseStores(pool);
  const read = async () => {
    await stores.timeline.read();
    return timeline;
  };
  return run.worker({ pool, stores: { ...stores, timeline: { ...stores.timeline, read } } });
}

const publish = async (id: string) => run.publish('orders.created', [{ id }]);
const attemptsOf = (id: string) =>
  requestsOf(run.hooks, 'billing').filter(({ headers }) => headers['webhook-id'] === id).length;

/** All that a standby had received so far. */
const received = async () => {
  for (const table of ['streams', 'cursors']) await run.rows(`create table received_${table} as table ${table}`);
};

/** The standby takes over: what came later is gone, and its positions are free again. */
const failOver = async () => {
  await run.rows(
    'delete from events e using received_streams r where r.stream_id = e.stream_id and e.seq > r.head_seq',
  );
  await run.rows(
    'delete from attempts a using received_streams r where r.stream_id = a.stream_id and a.seq > r.head_seq',
  );
  await run.rows('truncate streams, cursors');
  for (const table of ['streams', 'cursors']) await run.rows(`insert into ${table} select * from received_${table}`);
  timeline = '00000002';
};

const cursor = async () => run.rows('select settled_seq, above::text, delivered from cursors');

test('what is published in the place of events that a failover lost is delivered, though nothing follows it', async () => {
  const first = worker();
  await publish('a');
  await first.runOnce();
  await received();
  await publish('gone');
  await first.runOnce();
  await failOver();
  await publish('b');
  await first.runOnce();
  await first.runOnce();
  expect(['a', 'gone', 'b'].map(attemptsOf)).toEqual([1, 1, 1]);
  expect(await cursor()).toEqual([{ settled_seq: '2', above: '{}', delivered: '2' }]);
});

test('a settle of an event that a failover lost does not settle another in its place', async () => {
  const first = worker();
  await publish('a');
  await first.runOnce();
  await received();
  run.hooks.respondWith(({ headers }) => {
    // Its result finds no database.
    if (headers['webhook-id'] === 'gone') proxy.cut();
    return 204;
  });
  await publish('gone');
  // Whatever else it asks meanwhile finds no database either.
  const round = first.runOnce().catch(() => {});
  await until(() => run.lines.some(({ event }) => event === 'delivery.settle-failed'), { what: 'a settle to fail' });
  await failOver();
  await publish('b');
  proxy.mend();
  await round;
  await first.runOnce();
  await first.runOnce();
  expect(['a', 'gone', 'b'].map(attemptsOf)).toEqual([1, 1, 1]);
  expect(await cursor()).toEqual([{ settled_seq: '2', above: '{}', delivered: '2' }]);
});

test('a server names its history', async () => {
  expect(await readTimeline(run.pool)).toMatch(/^[0-9A-F]{8}$/);
});
