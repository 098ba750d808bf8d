import { DataSource, EntitySchema } from 'typeorm';
import { generateSecret } from '@hookcast/protocol';
import { createReceiver, type EventContext } from '@hookcast/receiver';
import {
  createInbox,
  createInboxPruning,
  createMemoryInbox,
  inboxTableSql,
  type Inbox,
} from '@hookcast/receiver/inbox';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { hookRequestOf, orderEvent } from './signed-delivery.js';

const Invoice = new EntitySchema<{ orderId: string }>({
  name: 'invoice',
  columns: { orderId: { type: 'text', primary: true } },
});
let database: TestDatabase;
let source: DataSource;
const inbox = createInbox();
beforeAll(async () => {
  database = await createEmptyDatabase();
  source = await new DataSource({ type: 'postgres', url: database.url, entities: [Invoice] }).initialize();
  await inbox.createTable(database.pool);
  await database.pool.query('create table effects (event_id text not null, by text)');
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query('truncate effects, hookcast_inbox');
});

const event = (id: string, subscription: string | undefined = 'billing.orders') => ({ id, subscription });
const effects = async () => (await database.pool.query('select event_id from effects order by 1')).rows;

/** What a handler does, with a client of pg. */
async function withClient<T>(work: (client: import('pg').PoolClient) => Promise<T>): Promise<T> {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const insert = 'insert into effects (event_id) values ($1)';

test('with a pg client, the effect of an event exists once', async () => {
  const handle = () =>
    withClient((client) => inbox.once(client, event('a'), async () => (await client.query(insert, ['a'])).rowCount));
  expect(await handle()).toEqual({ kind: 'handled', value: 1 });
  expect(await handle()).toEqual({ kind: 'duplicate' });
  expect(await effects()).toEqual([{ event_id: 'a' }]);
});

test("with TypeORM's EntityManager and QueryRunner too", async () => {
  const handle = () =>
    source.transaction((manager) => inbox.once(manager, event('a'), () => manager.query(insert, ['a'])));
  expect((await handle()).kind).toBe('handled');
  expect((await handle()).kind).toBe('duplicate');
  const runner = source.createQueryRunner();
  await runner.startTransaction();
  expect((await inbox.once(runner, event('a'), () => runner.query(insert, ['a']))).kind).toBe('duplicate');
  expect((await inbox.once(runner, event('b'), () => runner.query(insert, ['b']))).kind).toBe('handled');
  await runner.commitTransaction();
  await runner.release();
  expect(await effects()).toEqual([{ event_id: 'a' }, { event_id: 'b' }]);
});

test('a handler that fails leaves neither its effect nor that it was handled', async () => {
  const failing = source.transaction((manager) =>
    inbox.once(manager, event('a'), async () => {
      await manager.query(insert, ['a']);
      throw new Error('the second half failed');
    }),
  );
  await expect(failing).rejects.toThrow('the second half failed');
  expect(await effects()).toEqual([]);
  const again = await source.transaction((manager) => inbox.once(manager, event('a'), () => 'done'));
  expect(again).toEqual({ kind: 'handled', value: 'done' });
});

test('the same event at the same time waits for the one before, and takes over when that one is rolled back', async () => {
  const first = await database.pool.connect();
  await first.query('begin');
  await inbox.once(first, event('a'), () => first.query(insert, ['a']));
  const second = source.transaction((manager) => inbox.once(manager, event('a'), () => manager.query(insert, ['a'])));
  await until(async () => {
    const { rows } = await database.pool.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'");
    return rows.length > 0;
  });
  await first.query('rollback');
  first.release();
  expect((await second).kind).toBe('handled');
  expect(await effects()).toEqual([{ event_id: 'a' }]);
});

test('twenty deliveries of one event at once have one effect', async () => {
  const handle = () => withClient((client) => inbox.once(client, event('a'), () => client.query(insert, ['a'])));
  const kinds = (await Promise.all(Array.from({ length: 20 }, handle))).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'handled')).toHaveLength(1);
  expect(await effects()).toHaveLength(1);
});

test('each subscription, and each named handler of one, has its own once', async () => {
  const kinds = await withClient(async (client) => {
    const once = (subscription: string | undefined, handler?: string) =>
      inbox.once(client, event('a', subscription), () => {}, { handler });
    return [
      await once('billing.orders'),
      await once('billing.audit'),
      await once('billing.orders', 'mail'),
      await once('billing.orders', 'mail'),
    ];
  });
  expect(kinds.map(({ kind }) => kind)).toEqual(['handled', 'handled', 'handled', 'duplicate']);
});

test('outside a transaction it is refused, since nothing would hold the two together', async () => {
  const client = await database.pool.connect();
  const runner = source.createQueryRunner();
  for (const connection of [client, database.pool, source.manager, source, runner]) {
    await expect(inbox.once(connection, event('a'), () => {})).rejects.toThrow('not in a transaction');
  }
  await runner.release();
  client.release();
  expect((await database.pool.query('select 1 from hookcast_inbox')).rows).toEqual([]);
});

test('a handler as in the README', async () => {
  interface Order {
    orderId: string;
  }
  const dataSource = source;
  await dataSource.query('create table invoice ("orderId" text primary key)');
  await database.pool.query("insert into hookcast_inbox values ('s', 'old', '', now() - interval '15 days')");
  /* oxlint-disable no-shadow -- the name of the README */
  // #region README
  const inbox = createInbox(); // table hookcast_inbox
  const onOrder = (order: Order, context: EventContext) =>
    dataSource.transaction(async (tx) => {
      await inbox.once(tx, context, () => tx.save(Invoice, { orderId: order.orderId }));
    });

  const pruning = createInboxPruning({ connection: dataSource });
  pruning.start(); // forgets after 14 days
  // #endregion
  /* oxlint-enable no-shadow */
  for (const orderId of ['first', 'comes again and would be another']) {
    await onOrder({ orderId }, event('a') as EventContext);
  }
  expect(await dataSource.manager.find(Invoice)).toEqual([{ orderId: 'first' }]);
  const ids = async () => (await database.pool.query('select event_id from hookcast_inbox')).rows;
  await until(async () => (await ids()).every((row) => row.event_id === 'a'));
  await pruning.stop();
});

test('pruning forgets what is older than the retention, in several statements', async () => {
  await database.pool.query(`
    insert into hookcast_inbox (subscription, event_id, handled_at)
    select 's', 'old-' || n, now() - interval '15 days' from generate_series(1, 2500) n
    union all select 's', 'new', now() - interval '13 days'`);
  const pruning = createInboxPruning({ connection: source });
  expect(await pruning.runOnce()).toEqual({ forgotten: 2_500 });
  expect((await database.pool.query('select event_id from hookcast_inbox')).rows).toEqual([{ event_id: 'new' }]);
  const eager = createInboxPruning({ connection: database.pool, retentionDays: 1 });
  eager.start();
  await until(async () => (await database.pool.query('select 1 from hookcast_inbox')).rows.length === 0);
  await eager.stop();
});

test('a pruning that fails tells so and stops when asked', async () => {
  const errors: unknown[] = [];
  const pruning = createInboxPruning({
    connection: source,
    table: 'no_such_table',
    onError: (error) => errors.push(error),
  });
  pruning.start();
  await until(() => errors.length > 0);
  await pruning.stop();
  expect(String(errors[0])).toContain('no_such_table');
});

test('the table may have another name, and a schema', async () => {
  await database.pool.query('create schema if not exists billing');
  const other: Inbox = createInbox({ table: 'billing.seen' });
  await database.pool.query(inboxTableSql('billing.seen'));
  await database.pool.query(inboxTableSql('billing.seen'));
  const handle = () => withClient((client) => other.once(client, event('a'), () => {}));
  expect([(await handle()).kind, (await handle()).kind]).toEqual(['handled', 'duplicate']);
  expect(() => createInbox({ table: 'x"; drop table effects' })).toThrow(TypeError);
});

test('in memory, an effect that failed may be tried again, and one under way is waited for', async () => {
  const memory = createMemoryInbox();
  const nothing = { query: async () => [] };
  await expect(memory.once(nothing, event('a'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const results = await Promise.all([1, 2, 3].map((n) => memory.once(nothing, event('a'), async () => n)));
  expect(results).toEqual([{ kind: 'handled', value: 1 }, { kind: 'duplicate' }, { kind: 'duplicate' }]);
});

test('a captured request under the name of another subscription has no second effect', async () => {
  const secret = generateSecret();
  const memory = createMemoryInbox();
  const effectsOf: string[] = [];
  const receiver = createReceiver({
    secrets: [secret],
    on: { '**': async (_, context) => memory.once(database.pool, context, () => effectsOf.push(context.id)) },
    handlers: [
      {
        pattern: '**',
        subscription: 'audit',
        handle: async (_, context) =>
          memory.once(database.pool, context, () => effectsOf.push(`audit ${context.id}`), { handler: 'audit' }),
      },
    ],
  });
  for (const named of [{}, { subscription: 'billing' }, { subscription: 'audit' }, { subscription: 'x' }]) {
    const request = hookRequestOf(orderEvent('a'), { secret, ...named });
    expect((await receiver.fetch(new Request('http://billing/', request))).status).toBe(204);
  }
  expect(effectsOf).toEqual(['a', 'audit a']);
});
