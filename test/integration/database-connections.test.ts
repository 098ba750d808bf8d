import {
  bumpControlVersion,
  createDataPool,
  dataSourceOptions,
  isDatabaseUnavailable,
  readControlVersion,
  rows,
} from '@hookcast/database';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { asAdmin, createTestDatabase, type TestDatabase } from '../support/database.js';
import { transactionPooler } from '../support/transaction-pooler.js';
import { until } from '../support/until.js';
import { inject } from 'vitest';

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await new DataSource(dataSourceOptions(database.url)).initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const show = async (pool: pg.Pool | pg.ClientBase, name: string) =>
  (await rows<{ value: string }>(pool, 'select current_setting($1) as value', [name]))[0]?.value;

describe('rows', () => {
  test.each([
    ['a pool', async (work: (source: Parameters<typeof rows>[0]) => Promise<void>) => work(database.pool)],
    ['a manager', async (work: (source: Parameters<typeof rows>[0]) => Promise<void>) => work(dataSource.manager)],
    [
      'a transaction',
      async (work: (source: Parameters<typeof rows>[0]) => Promise<void>) => dataSource.transaction(work),
    ],
  ])('answers rows for every verb on %s', async (_name, run) => {
    await run(async (source) => {
      await rows(source, 'create temporary table if not exists verbs (id int)');
      expect(await rows(source, 'select 1::int8 as n')).toEqual([{ n: '1' }]);
      expect(await rows(source, 'update control_state set version = version returning id')).toEqual([{ id: true }]);
      expect(await rows(source, 'update control_state set version = version where not id')).toEqual([]);
      expect(await rows(source, `delete from topics where name = $1 returning id`, ['none'])).toEqual([]);
    });
  });

  test('runs inside the transaction of its manager, and gives borrowed connections back', async () => {
    await expect(
      dataSource.transaction(async (tx) => {
        await rows(tx, `insert into topics (name, partitions) values ('rolled-back', 1)`);
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    for (let i = 0; i < 20; i += 1) {
      expect(await rows(dataSource.manager, `select 1 from topics where name = 'rolled-back'`)).toEqual([]);
    }
  });
});

describe('the control version', () => {
  test('grows by one with every committed change and not with one that is rolled back', async () => {
    const before = await readControlVersion(database.pool);
    expect(await dataSource.transaction((tx) => bumpControlVersion(tx))).toBe(before + 1);
    await expect(
      dataSource.transaction(async (tx) => {
        await bumpControlVersion(tx);
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(await readControlVersion(dataSource.manager)).toBe(before + 1);
  });

  test('lets the second of two changes begin only when the first is committed', async () => {
    const [first, second] = [await database.pool.connect(), await database.pool.connect()];
    try {
      await first.query('begin');
      await bumpControlVersion(first);
      await first.query(`insert into topics (name, partitions) values ('seen', 1)`);
      const waiting = (async () => {
        await second.query('begin');
        await bumpControlVersion(second);
        return rows(second, `select name from topics where name = 'seen'`);
      })();
      const blocked = `select 1 from pg_locks where not granted and locktype in ('transactionid', 'tuple')`;
      await until(async () => (await rows(database.pool, blocked)).length > 0, { what: 'the second to wait' });
      await first.query('commit');
      expect(await waiting).toEqual([{ name: 'seen' }]);
      await second.query('rollback');
    } finally {
      first.release();
      second.release();
    }
  });
});

describe('a connection', () => {
  test('commits synchronously although database and role say otherwise', async () => {
    const name = database.url.match(/\/(hookcast_test_\w+)/)?.[1];
    await asAdmin(inject('adminUrl'), `alter database ${name} set synchronous_commit = off`);
    const [standard, relaxed] = [
      createDataPool(database.url),
      createDataPool(database.url, { synchronousCommit: 'off' }),
    ];
    const control = await new DataSource(dataSourceOptions(database.url)).initialize();
    const plain = await standard.connect();
    expect(await show(standard, 'synchronous_commit')).toBe('on');
    expect(await show(relaxed, 'synchronous_commit')).toBe('off');
    expect(await rows(control.manager, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    plain.release();
    await Promise.all([standard.end(), relaxed.end(), control.destroy()]);
    await asAdmin(inject('adminUrl'), `alter database ${name} reset synchronous_commit`);
  });

  test('ends a statement that runs too long, and the pool goes on', async () => {
    const pool = createDataPool(database.url, { statementTimeoutMs: 50, max: 1 });
    await expect(pool.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
    expect(await show(pool, 'timezone')).toBe('UTC');
    await pool.end();
  });

  test('that breaks, idle or between two statements of its borrower, is reported and replaced', async () => {
    const broken: string[] = [];
    const pool = createDataPool(database.url, { max: 2, onConnectionError: (error) => broken.push(error.message) });
    const borrowed = await pool.connect();
    await pool.query('select 1');
    const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid = any($1)`;
    const pids = [
      await borrowed.query('select pg_backend_pid() as pid'),
      await pool.query('select pg_backend_pid() as pid'),
    ];
    await database.pool.query(others, [pids.map((each: pg.QueryResult<{ pid: number }>) => each.rows[0]?.pid)]);
    await until(() => pool.totalCount === 1 && broken.length > 0, { what: 'the idle one to be dropped' });
    await expect(borrowed.query('select 1')).rejects.toThrow(/not queryable|terminat|EPIPE|ECONNRESET/);
    borrowed.release(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  test('of TypeORM that breaks in the middle of a transaction fails that transaction only', async () => {
    const outcome = dataSource.transaction(async (tx) => {
      const [session] = await rows<{ pid: number }>(tx, 'select pg_backend_pid() as pid');
      await database.pool.query('select pg_terminate_backend($1, 5000)', [session?.pid]);
      await rows(tx, 'select 1');
    });
    const error: unknown = await outcome.catch((thrown: unknown) => thrown);
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(await rows(dataSource.manager, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('is not handed out when its session cannot be set up', async () => {
    const pool = createDataPool(database.url, { statementTimeoutMs: -1 });
    await expect(pool.query('select 1')).rejects.toThrow(/-1 ms is outside the valid range/);
    await pool.end();
  });

  test('works through a pooler that refuses startup parameters it does not know', async () => {
    const pooler = await transactionPooler(database.url);
    const pool = createDataPool(pooler.url);
    expect(await show(pool, 'synchronous_commit')).toBe('on');
    await pool.end();
    await pooler.close();
  });
});
