import { createHash } from 'node:crypto';
import { testBroker } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  forgetKeys,
  forgetOrphans,
  knownKeys,
  knownKeysStatement,
  rememberKeys,
  type SeenKey,
} from '../../apps/broker/src/sources/seen-keys-store.js';

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
const key = (sourceId: number, text: string): SeenKey => ({ sourceId, hash: hash(text) });
const many = (sourceId: number, count: number) =>
  Array.from({ length: count }, (_, n) => key(sourceId, `delivery-${n}`));
const at = (day: string) => new Date(`2026-01-${day}T12:00:00Z`);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database?.drop();
});
beforeEach(async () => {
  await database.pool.query('truncate source_seen');
});

test('a key is known to its own source only, and may be remembered twice', async () => {
  await rememberKeys(database.pool, [key(1, 'a'), key(1, 'b')], at('01'));
  await rememberKeys(database.pool, [key(1, 'a'), key(2, 'a')], at('02'));
  const asked = [key(1, 'x'), key(1, 'a'), key(1, 'b'), key(2, 'b'), key(2, 'a')];
  expect(await knownKeys(database.pool, asked)).toEqual(new Set([1, 2, 4]));
});

test('what is too old is forgotten in slices, source by source', async () => {
  await rememberKeys(database.pool, many(1, 30), at('01'));
  await rememberKeys(database.pool, many(2, 30), at('01'));
  await rememberKeys(database.pool, [key(1, 'young')], at('05'));
  expect(await forgetKeys(database.pool, { id: 1, before: at('04') }, 20)).toBe(20);
  expect(await forgetKeys(database.pool, { id: 1, before: at('04') }, 20)).toBe(10);
  expect(await forgetKeys(database.pool, { id: 1, before: at('04') }, 20)).toBe(0);
  expect(await knownKeys(database.pool, [key(1, 'young'), key(1, 'delivery-1'), key(2, 'delivery-1')])).toEqual(
    new Set([0, 2]),
  );
  // Neither source exists.
  expect(await forgetOrphans(database.pool, 100)).toBe(31);
});

test('a look-up costs the same however much is remembered', async () => {
  await rememberKeys(database.pool, many(1, 20_000), at('01'));
  await database.pool.query('analyze source_seen');
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    const client = await database.pool.connect();
    try {
      await client.query(`set plan_cache_mode = ${mode}`);
      await client.query(`prepare known (int[], text[]) as ${knownKeysStatement}`);
      const hashes = many(1, 500).map((one) => `'${one.hash}'`);
      const ids = hashes.map(() => 1);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain execute known (array[${ids.join()}], array[${hashes.join()}])`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('source_seen_pk');
      expect(plan).not.toContain('Seq Scan');
    } finally {
      client.release(true);
    }
  }
});

test('what was noted about requests is written when the broker stops', async () => {
  const own = await createTestDatabase();
  try {
    const broker = await testBroker({ database: own });
    const { body } = await broker.call<{ url: string }>('PUT', '/v1/sources/last', {
      sender: 'github',
      secret: 'shh-shh-shh',
    });
    await fetch(`${broker.url}${new URL(body.url).pathname}`, { method: 'POST', body: '{}' });
    await broker.close();
    const { rows } = await own.pool.query('select verdict from source_receptions');
    expect(rows).toEqual([{ verdict: 'refused' }]);
  } finally {
    await own.drop();
  }
});
