import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

/** What the broker does with a change of the control plane that knows what it touched. */
const change = async (text: string, values: unknown[], touched: readonly number[]) => {
  const client = await run.pool.connect();
  await client.query('begin');
  const raised = await client.query('update control_state set version = version + 1 returning version');
  await client.query(text, values);
  await client.query('insert into control_changes values ($1, $2, $3)', [raised.rows[0].version, touched, []]);
  await client.query('commit');
  client.release();
};
const publish = async (id: string) => run.publish('orders.created', [{ id }]);
const got = (name: string) => requestsOf(run.hooks, name).map(({ headers }) => headers['webhook-id']);

test('of a change that says what it touched, that alone is taken over', async () => {
  const [first, second] = [
    await run.subscribe('first', { topics: ['orders.created'] }),
    await run.subscribe('second', { topics: ['orders.created'] }),
  ];
  const worker = run.worker();
  await publish('a');
  await worker.runOnce();
  await change(`update subscriptions set state = 'paused'`, [], [first.id]);
  await publish('b');
  await worker.runOnce();
  expect([got('first'), got('second')]).toEqual([['a'], ['a', 'b']]);
  await change(`update subscriptions set state = 'active' where id = $1`, [first.id], [first.id]);
  await worker.runOnce();
  expect([got('first'), got('second')]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  await change('delete from subscriptions where id = $1', [second.id], [second.id]);
  await publish('c');
  await worker.runOnce();
  expect([got('first'), got('second')]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b'],
  ]);
});

test('a cursor that was moved by hand begins again where it stands, and no other does', async () => {
  const [first] = [
    await run.subscribe('first', { topics: ['orders.created'] }),
    await run.subscribe('second', { topics: ['orders.created'] }),
  ];
  const worker = run.worker();
  await publish('a');
  await worker.runOnce();
  await change('update cursors set settled_seq = 0, moves = moves + 1', [], [first.id]);
  await worker.runOnce();
  expect([got('first'), got('second')]).toEqual([['a', 'a'], ['a']]);
});

test('a suspension that is refused because something else has changed is decided anew', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  const worker = run.worker();
  let isChanged = false;
  run.hooks.respondWith(async () => {
    if (!isChanged) await change('select 1', [], [id + 1_000]);
    isChanged = true;
    return 410;
  });
  await publish('a');
  await until(async () => {
    await worker.runOnce();
    return (await run.rows(`select from subscriptions where state = 'suspended'`)).length === 1;
  });
  expect(got('billing').length).toBeGreaterThanOrEqual(2);
});
