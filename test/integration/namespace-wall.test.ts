import { randomBytes } from 'node:crypto';
import { ConfinedDataSource, dataSourceOptions, migrate, rows, tablesOfNamespaces, Topic } from '@hookcast/database';
import type { DataSource } from 'typeorm';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { transactionPooler, type TransactionPooler } from '../support/transaction-pooler.js';

const role = `hookcast_owner_${process.pid}_${randomBytes(4).toString('hex')}`;
let template: TestDatabase;
let owned: TestDatabase;
let pooler: TransactionPooler;
let urls: Record<string, string>;
beforeAll(async () => {
  template = await createTestDatabase();
  owned = await createEmptyDatabase();
  await owned.pool.query(`create role ${role} login`);
  await owned.pool.query(`alter schema public owner to ${role}`);
  const asOwner = owned.url.replace(/\/\/[^@/]*@/, `//${role}@`);
  await migrate(asOwner);
  pooler = await transactionPooler(template.url);
  urls = { 'a superuser': template.url, 'the owner of the tables': asOwner, 'a pooler': pooler.url };
  for (const { pool } of [template, owned]) {
    await pool.query(`insert into topics (namespace, name, partitions) values ('acme', 'a', 1), ('zeta', 'z', 1)`);
  }
});
afterAll(async () => {
  await pooler?.close();
  await owned?.pool.query(`drop owned by ${role}`);
  await owned?.pool.query(`drop role ${role}`);
  await owned?.drop();
  await template?.drop();
});

/** One connection, so that whatever a confined statement left behind would meet the next one. */
async function connect(login: string, confinement: () => string | undefined): Promise<DataSource> {
  const options = dataSourceOptions(urls[login] ?? '', { poolSize: 1 });
  return new ConfinedDataSource(options, confinement).initialize();
}

describe.each(['a superuser', 'the owner of the tables', 'a pooler'])('logged in as %s', (login) => {
  let dataSource: DataSource;
  let namespace: string | undefined;
  beforeAll(async () => {
    dataSource = await connect(login, () => namespace);
  });
  beforeEach(() => {
    namespace = 'acme';
  });
  afterAll(async () => {
    await dataSource?.destroy();
  });
  const named = async () => (await dataSource.manager.find(Topic)).map(({ name }) => name).toSorted();

  test('a query that forgets its namespace gets its own rows only, however it is made', async () => {
    expect(await named()).toEqual(['a']);
    expect(await dataSource.getRepository(Topic).countBy({ name: 'z' })).toBe(0);
    expect(await rows(dataSource.manager, 'select name from topics')).toEqual([{ name: 'a' }]);
    expect(await dataSource.query('select name from topics')).toEqual([{ name: 'a' }]);
    const inside = await dataSource.transaction(async (tx) => [await tx.find(Topic), await rows(tx, 'table topics')]);
    expect(inside.map((found) => found.length)).toEqual([1, 1]);
  });

  test('nothing of another namespace is changed, deleted or made', async () => {
    const { manager } = dataSource;
    expect((await manager.update(Topic, { name: 'z' }, { partitions: 2 })).affected).toBe(0);
    expect((await manager.delete(Topic, { name: 'z' })).affected).toBe(0);
    const intruder = { namespace: 'zeta', name: 'intruder', partitions: 1 };
    await expect(manager.insert(Topic, intruder)).rejects.toThrow(/row-level security/);
    await expect(dataSource.transaction(async (tx) => tx.insert(Topic, intruder))).rejects.toThrow(/row-level/);
    await expect(manager.update(Topic, { name: 'a' }, { namespace: 'zeta' })).rejects.toThrow(/row-level/);
    namespace = undefined;
    expect(await manager.findBy(Topic, { namespace: 'zeta' })).toMatchObject([{ name: 'z', partitions: 1 }]);
  });

  test('nothing is left for the next user of the connection, after failures neither', async () => {
    await expect(dataSource.query('select 1 / 0')).rejects.toThrow(/division by zero/);
    await expect(dataSource.transaction(async (tx) => tx.query('select 1 / 0'))).rejects.toThrow(/division by zero/);
    namespace = undefined;
    expect(await named()).toEqual(['a', 'z']);
    namespace = 'zeta';
    expect(await named()).toEqual(['z']);
  });

  test('a namespace is data, whatever is in it', async () => {
    namespace = `x', true); drop table topics; --`;
    expect(await named()).toEqual([]);
    namespace = undefined;
    expect(await named()).toEqual(['a', 'z']);
  });
});

test('every table with a namespace is confined, for its owner too', async () => {
  const tables = await tablesOfNamespaces(template.pool);
  expect(tables).toEqual(
    expect.arrayContaining(['api_keys', 'audit_log', 'services', 'sources', 'subscriptions', 'topics']),
  );
  const { rows: found } = await template.pool.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_policy p on p.polrelid = c.oid
     where c.relrowsecurity and c.relforcerowsecurity and p.polname = 'confined_to_namespace' and p.polcmd = '*'
     order by 1`,
  );
  expect(found.map(({ name }) => name)).toEqual(tables);
});
