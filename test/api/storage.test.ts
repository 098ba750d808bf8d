import { createHmac, randomBytes } from 'node:crypto';
import { StorageGuard } from '../../apps/broker/src/storage/storage-guard.js';
import { DayPartitions, ensureDays } from '@hookcast/log';
import { DeliveryWorker } from '@hookcast/delivery';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

const dayMs = 86_400_000;
const problem = (code: string) => expect.objectContaining({ code, status: 503 });

async function sizeOf(broker: TestBroker): Promise<number> {
  const { rows } = await broker.database.pool.query<{ bytes: string }>(
    'select pg_database_size(current_database()) as bytes',
  );
  return Number(rows[0]?.bytes);
}

const secret = 'a-shared-secret-0123456789';

/** The address that a sender posts to. */
async function source(broker: TestBroker): Promise<string> {
  const put = await broker.call<{ url: string }>('PUT', '/v1/sources/gh', {
    sender: 'github',
    secret,
    topic: 'inbound',
  });
  return new URL(put.body.url).pathname;
}

async function deliver(broker: TestBroker, path: string, guid: string) {
  const body = JSON.stringify({ guid });
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const headers = { 'x-github-event': 'push', 'x-github-delivery': guid, 'x-hub-signature-256': signature };
  return broker.call('POST', path, body, { authorization: undefined, headers });
}

describe('with a bound on the size of the database', () => {
  let broker: TestBroker;
  let hook: HookServer;
  let maxBytes: number;
  let path: string;
  let now = new Date();
  beforeAll(async () => {
    const probe = await testBroker();
    maxBytes = Math.round((await sizeOf(probe)) * 1.15) + 6 * 1024 ** 2;
    await probe.close();
    hook = await hookServer();
    broker = await testBroker({
      settings: { HOOKCAST_ROLE: 'all', HOOKCAST_DATABASE_MAX_BYTES: String(maxBytes), HOOKCAST_RETENTION_DAYS: '1' },
      clock: { now: () => now },
    });
    await broker.call('PUT', '/v1/subscriptions/drain', { topics: ['fill'], url: hook.url });
    await broker.call('POST', '/v1/subscriptions/drain/pause');
    path = await source(broker);
  });
  afterAll(async () => {
    await broker?.close();
    await hook?.close();
  });

  const publish = async () =>
    broker.call('POST', '/v1/topics/fill/events', randomBytes(64 * 1024), {
      headers: { 'content-type': 'application/octet-stream' },
    });
  let accepted = 0;

  test('publishes are refused before it is reached, with what to do', async () => {
    let answer = await publish();
    for (; answer.status === 201; answer = await publish()) {
      accepted += 1;
      if (accepted > 1000) throw new Error('the guard never closed');
    }
    expect(answer).toMatchObject({ status: 503, body: problem('storage-full') });
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(answer.text).not.toMatch(/\d MiB/);
    expect(accepted).toBeGreaterThan(20);
    expect(await sizeOf(broker)).toBeLessThan(maxBytes);
  });

  test('it is shown wherever an operator looks', async () => {
    const ready = await broker.call('GET', '/health/ready');
    expect(ready).toMatchObject({ status: 200, body: { status: 'ready', publishing: 'refused' } });
    expect((await broker.call('GET', '/v1/overview')).body).toMatchObject({
      storage: {
        publishing: 'refused',
        maxDatabaseBytes: maxBytes,
        reason: expect.stringMatching(/the database has [\d.]+ MiB of the [\d.]+ MiB it may have/),
        databaseBytes: expect.any(Number),
      },
    });
    expect(broker.lines.filter((line) => line.includes('"publishing.refused"'))).toHaveLength(1);
  });

  test('a tenant sees that it is full, and no figure', async () => {
    const wanted = { name: 'acme', scopes: ['read', 'publish:**'], namespace: 'acme' };
    const { key } = (await broker.call<{ key: string }>('POST', '/v1/keys', wanted)).body;
    const authorization = `Bearer ${key}`;
    const overview = await broker.call<{ storage: object }>('GET', '/v1/overview', undefined, { authorization });
    const nothing = { databaseBytes: null, maxDatabaseBytes: null, freeBytes: null };
    const reason = 'the bus has no room for more events';
    expect(overview.body.storage).toEqual({ publishing: 'refused', reason, ...nothing });
    const refused = await broker.call<object>('POST', '/v1/topics/own/events', {}, { authorization });
    expect(refused.body).toMatchObject({ code: 'storage-full', detail: `Nothing was stored: ${reason}.` });
  });

  test('the backlog drains meanwhile', async () => {
    await broker.call('POST', '/v1/subscriptions/drain/resume');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await until(() => hook.requests.length >= accepted, { what: 'everything delivered' });
    expect((await publish()).status).toBe(503);
    expect((await deliver(broker, path, 'during')).status).toBe(503);
  });

  test('publishing resumes once a day has gone', async () => {
    const later = new Date(Date.now() + 3 * dayMs);
    await ensureDays(broker.database.pool, later, 1);
    const days = new DayPartitions({ pool: broker.database.pool, defaultRetentionDays: 1, now: () => later });
    expect((await days.runOnce()).dropped).toBeGreaterThan(0);
    now = later;
    await broker.app.get(StorageGuard).runOnce();
    expect((await broker.call('GET', '/health/ready')).body).not.toHaveProperty('publishing');
    expect(broker.lines.filter((line) => line.includes('"publishing.resumed"'))).toHaveLength(1);
  });
});

describe('a server that finds its disk full', () => {
  let broker: TestBroker;
  let now = new Date();
  beforeAll(async () => {
    broker = await testBroker({ clock: { now: () => now } });
  });
  afterAll(async () => {
    await broker?.close();
  });

  test('is a 503 to publishers and senders, and is left alone for a while', async () => {
    const { pool } = broker.database;
    await broker.publish('full', { n: 1 });
    const { rows } = await pool.query<{ name: string }>(
      "select relid::regclass::text as name from pg_partition_tree('events') where isleaf",
    );
    await pool.query(`
      create function no_space() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`);
    for (const { name } of rows) {
      await pool.query(`create trigger no_space before insert on ${name} for each row execute function no_space()`);
    }
    const first = await broker.call('POST', '/v1/topics/full/events', { n: 2 });
    expect(first).toMatchObject({ status: 503, body: problem('unavailable') });
    const second = await broker.call('POST', '/v1/topics/full/events', { n: 3 });
    expect(second).toMatchObject({ status: 503, body: problem('storage-full') });

    const path = await source(broker);
    const refused = await deliver(broker, path, 'during');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);

    for (const { name } of rows) await pool.query(`drop trigger no_space on ${name}`);
    now = new Date(now.getTime() + 31_000);
    await broker.app.get(StorageGuard).runOnce();
    await broker.publish('full', { n: 5 });
    expect((await deliver(broker, path, 'during')).status).toBe(200);
  });
});

test('what went before it was settled can be looked up', async () => {
  const broker = await testBroker();
  try {
    await broker.call('PUT', '/v1/subscriptions/late', { topics: ['gone'], url: 'http://127.0.0.1:3000/' });
    const first = await broker.publish('gone', { n: 1 }, { 'ce-partitionkey': 'one' });
    const second = await broker.publish('gone', { n: 2 }, { 'ce-partitionkey': 'one' });
    expect((await broker.call('GET', '/v1/subscriptions/late/expirations')).body).toEqual({
      items: [],
      nextCursor: null,
    });
    const later = new Date(Date.now() + 9 * dayMs);
    await new DayPartitions({ pool: broker.database.pool, now: () => later }).runOnce();
    expect((await broker.call('GET', '/v1/subscriptions/late')).body).toMatchObject({ expired: 2, backlog: 0 });
    expect((await broker.call('GET', '/v1/subscriptions/late/expirations')).body).toEqual({
      items: [{ topic: 'gone', from: first.position, to: second.position, events: 2, expiredAt: later.toISOString() }],
      nextCursor: null,
    });
    expect((await broker.call('GET', '/v1/subscriptions/none/expirations')).status).toBe(404);
    expect((await broker.call('GET', '/v1/subscriptions/late/expirations?limit=0')).status).toBe(422);
  } finally {
    await broker.close();
  }
});
