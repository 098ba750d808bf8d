import { createDataPool } from '@hookcast/database';
import type pg from 'pg';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let pool: pg.Pool;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
  await run.subscribe('billing', { topics: ['orders.created'] });
  // One connection, which then knows every statement that was run.
  pool = createDataPool(run.database.url, { max: 1 });
});
afterEach(async () => {
  await pool.end();
  await run.close();
});

/** How often the statements of settles have run, by name. */
async function settles(): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ name: string; runs: number }>(
    `select name, (generic_plans + custom_plans)::int as runs from pg_prepared_statements where name like 'settle-%'`,
  );
  return Object.fromEntries(rows.map(({ name, runs }) => [name, runs]));
}

test('a settle finds its cursors where the last one has left them, and by key where somebody has moved them', async () => {
  const worker = run.worker({ pool });
  const deliver = async (id: string) => {
    await run.publish('orders.created', [{ id }]);
    await worker.runOnce();
  };
  await deliver('a');
  expect(await settles()).toEqual({ 'settle-lean-by-key': 1 });
  await deliver('b');
  expect(await settles()).toEqual({ 'settle-lean-by-key': 1, 'settle-lean': 1 });
  await run.rows('update cursors set dead = dead');
  await deliver('c');
  expect(await settles()).toEqual({ 'settle-lean-by-key': 2, 'settle-lean': 2 });
  await deliver('d');
  expect(await settles()).toEqual({ 'settle-lean-by-key': 2, 'settle-lean': 3 });
  expect(await run.rows('select settled_seq, delivered from cursors')).toEqual([{ settled_seq: '4', delivered: '4' }]);
  expect(requestsOf(run.hooks, 'billing')).toHaveLength(4);
});

test('a settle does not pass the versions of its cursor that an open snapshot keeps', async () => {
  const worker = run.worker({ pool });
  const holder = await run.pool.connect();
  try {
    await holder.query('begin isolation level repeatable read');
    await holder.query('select from cursors');
    await run.rows(`do $$ begin for n in 1..3000 loop update cursors set dead = dead; commit; end loop; end $$`);
    for (const id of ['a', 'b']) {
      await run.publish('orders.created', [{ id }]);
      await worker.runOnce();
    }
    await pool.query('set plan_cache_mode = force_generic_plan');
    const plan = async (name: string, values: number) => {
      const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
        `explain (costs off) execute "${name}"(${Array(values).fill('null').join()})`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    };
    expect(await plan('settle-lean', 30)).toMatch(/Tid Scan on cursors c\n\s+TID Cond: \(ctid = u.place\)/);
    expect(await plan('settle-lean-by-key', 29)).not.toContain('Tid Scan');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
});
