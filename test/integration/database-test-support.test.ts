import { rows } from '@hookcast/database';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

test('a test database has the schema and the partitions of the days around today', async () => {
  const leaves = await rows<{ parent: string; count: string }>(
    database.pool,
    `select inhparent::regclass::text as parent, count(*) from pg_inherits
     where inhparent in ('events'::regclass, 'attempts'::regclass) group by 1 order by 1`,
  );
  expect(leaves).toEqual([
    { parent: 'attempts', count: '6' },
    { parent: 'events', count: '6' },
  ]);
});
