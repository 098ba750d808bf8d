import { migrate, migrations, migrationStatus, schemaDrift } from '@hookcast/database';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { catalogOf } from '../support/catalog.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { testServers } from '../support/servers.js';

describe.each(await testServers())('on $name', ({ adminUrl }) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createEmptyDatabase(adminUrl);
  });
  afterEach(() => database.drop());

  test('up, down and up again end in the same catalog, and down leaves nothing but the list of migrations', async () => {
    const names = (await migrationStatus(database.url)).pending;
    expect(await migrate(database.url)).toEqual({ applied: names });
    const first = await catalogOf(database.pool);
    expect(first).toContainEqual(expect.stringContaining('column events.data bytea'));

    expect(await migrate(database.url, { to: null })).toEqual({ applied: names.toReversed() });
    const emptied = await catalogOf(database.pool);
    expect(emptied.filter((line) => !line.includes('hookcast_migrations'))).toEqual([]);

    expect(await migrate(database.url)).toEqual({ applied: names });
    expect(await catalogOf(database.pool)).toEqual(first);
    expect(await migrationStatus(database.url)).toEqual({ applied: names, pending: [], unknown: [] });
  });

  test('of several starters one applies, the others wait and find nothing to do', async () => {
    let waited = 0;
    const results = await Promise.all(
      [1, 2, 3, 4].map(() => migrate(database.url, 'up', { onWait: () => (waited += 1) })),
    );
    expect(results.map(({ applied }) => applied.length).toSorted((a, b) => a - b)).toEqual([
      0,
      0,
      0,
      migrations.length,
    ]);
    expect(waited).toBeGreaterThan(0);
  });

  test('a migration that fails changes nothing and works once its obstacle is gone', async () => {
    await database.pool.query('create table attempts (id int)');
    await expect(migrate(database.url)).rejects.toThrow(/relation "attempts" already exists/);
    expect((await migrationStatus(database.url)).applied).toEqual([]);
    const tables = (await catalogOf(database.pool)).filter((line) => line.startsWith('table'));
    expect(tables.filter((line) => !line.includes('hookcast_migrations'))).toEqual([
      expect.stringContaining('table attempts'),
    ]);
    await database.pool.query('drop table attempts');
    expect((await migrate(database.url)).applied).toHaveLength(migrations.length);
  });

  test('the migrated schema agrees with the entities', async () => {
    await migrate(database.url);
    expect(await schemaDrift(database.url)).toEqual([]);
  });
});

describe('drift', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createEmptyDatabase();
    await migrate(database.url);
  });
  afterEach(() => database.drop());

  test.each([
    ['a column is missing', 'alter table topics drop column retention_days', /ADD "retention_days" integer/],
    ['a column has another type', 'alter table services alter revision type text', /"revision"/],
    ['a column became nullable', 'alter table subscriptions alter url drop not null', /"url" SET NOT NULL/],
    ['a default is gone', 'alter table topics alter namespace drop default', /"namespace" SET DEFAULT 'default'/],
    ['a unique constraint is gone', 'alter table topics drop constraint topics_namespace_name_unique', /UNIQUE/],
    ['an index is gone', 'drop index subscriptions_of_service', /CREATE INDEX "subscriptions_of_service"/],
    ['a check is gone', 'alter table topics drop constraint topics_schema_mode_known', /topics_schema_mode_known/],
  ])('is reported when %s', async (_what, statement, difference) => {
    await database.pool.query(statement);
    const drift = await schemaDrift(database.url);
    expect(drift.join('\n')).toMatch(difference);
    expect(await schemaDrift(database.url)).toEqual(drift);
  });
});

class First implements MigrationInterface {
  name = 'First1700000000001';
  up = (runner: QueryRunner) => runner.query('create table one (id int)');
  down = (runner: QueryRunner) => runner.query('drop table one');
}
class Second implements MigrationInterface {
  name = 'Second1700000000002';
  up = (runner: QueryRunner) => runner.query('create table two (id int)');
  down = (runner: QueryRunner) => runner.query('drop table two');
}
class Third implements MigrationInterface {
  name = 'Third1700000000003';
  up = (runner: QueryRunner) => runner.query('create table three (id int)');
  down = (runner: QueryRunner) => runner.query('drop table three');
}

describe('with several migrations', () => {
  const three = { migrations: [First, Second, Third] };
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createEmptyDatabase();
  });
  afterAll(() => database.drop());
  const tables = async () =>
    (await catalogOf(database.pool)).flatMap((line) => /^table (one|two|three)/.exec(line)?.[1] ?? []).toSorted();

  test('goes up and down to a name, and one step down', async () => {
    expect(await migrate(database.url, { to: 'Second1700000000002' }, three)).toEqual({
      applied: ['First1700000000001', 'Second1700000000002'],
    });
    expect(await tables()).toEqual(['one', 'two']);
    await migrate(database.url, 'up', three);
    expect(await tables()).toEqual(['one', 'three', 'two']);
    expect(await migrate(database.url, { to: 'First1700000000001' }, three)).toEqual({
      applied: ['Third1700000000003', 'Second1700000000002'],
    });
    expect(await tables()).toEqual(['one']);
    await migrate(database.url, 'down', three);
    expect(await tables()).toEqual([]);
  });

  test('an older program starts on a newer schema, and does not revert what it does not know', async () => {
    await migrate(database.url, 'up', three);
    const older = { migrations: [First, Second] };
    expect(await migrate(database.url, 'up', older)).toEqual({ applied: [] });
    expect((await migrationStatus(database.url, older)).unknown).toEqual(['Third1700000000003']);
    await expect(migrate(database.url, 'down', older)).rejects.toThrow(/newer version \(Third1700000000003\)/);
    expect(await tables()).toEqual(['one', 'three', 'two']);
  });
});
