import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { migrate } from '@hookcast/database';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@hookcast/database/embedded';
import { ensureDays } from '@hookcast/log';
import pg from 'pg';
import { ClockCheck } from '../../apps/broker/src/health/clock-check.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

/** Memory in use, without garbage: tests before this one leave plenty. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('V8 exposes no gc().');
  // The second collection waits for the first to have swept the buffers.
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a broker whose database is there', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await testBroker();
  });
  afterAll(async () => {
    await broker?.close();
  });

  test('is live and ready, for everybody', async () => {
    for (const state of ['live', 'ready']) {
      const answer = await broker.call('GET', `/health/${state}`, undefined, { authorization: undefined });
      expect(answer).toMatchObject({ status: 200, body: { status: state } });
    }
  });

  test('publishes its public keys', async () => {
    const answer = await broker.call('GET', '/.well-known/hookcast-keys.json', undefined, { authorization: undefined });
    expect(answer).toMatchObject({
      status: 200,
      body: { keys: [{ kty: 'OKP', crv: 'Ed25519', publicKey: expect.stringMatching(/^whpk_/) }] },
    });
  });

  test('shows a page with no script but a file of its own, and its style', async () => {
    const page = await broker.call('GET', '/', undefined, { authorization: undefined });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.text.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="page.js">']);
    expect((await broker.call('GET', '/page.js')).headers.get('content-type')).toMatch(/^text\/javascript/);
    expect((await broker.call('GET', '/page.css')).headers.get('content-type')).toMatch(/^text\/css/);
  });

  test('serves its documentation from its own files', async () => {
    const page = await broker.call('GET', '/docs');
    expect(page.status).toBe(200);
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter((file) => !file.startsWith('./docs/'))).toEqual([]);
    for (const file of files) expect((await broker.call('GET', file.slice(1))).status).toBe(200);
    // Only files may run, so the page must not bring scripts of its own.
    expect(page.text).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
  });

  test('describes every route in its OpenAPI document', async () => {
    const { body } = await broker.call<{ openapi: string; paths: Record<string, Record<string, unknown>> }>(
      'GET',
      '/openapi.json',
    );
    expect(body.openapi).toMatch(/^3\./);
    expect(Object.entries(body.paths).map(([name, methods]) => `${name} ${Object.keys(methods).join(',')}`)).toEqual(
      expect.arrayContaining([
        '/v1/topics/{name} put,get,delete',
        '/v1/topics/{topic}/events post,get',
        '/v1/topics/{topic}/stream get',
        '/v1/events/{id} get',
        '/v1/subscriptions/{name} put,get,delete',
        '/v1/subscriptions/{name}/rotate-secret post',
        '/v1/subscriptions/{name}/deliveries/{eventId}/retry post',
        '/v1/services/{service} put',
        '/v1/services/{service}/heartbeat post',
        '/v1/dead-letters get',
        '/v1/overview get',
        '/health/ready get',
      ]),
    );
    const text = JSON.stringify(body);
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? '');
    const { components } = body as unknown as { components: { schemas: Record<string, unknown> } };
    expect(references.filter((name) => !(name in components.schemas))).toEqual([]);
  });
});

test('a worker answers health checks only', async () => {
  const worker = await testBroker({ settings: { HOOKCAST_ROLE: 'worker' } });
  try {
    expect((await worker.call('GET', '/health/ready')).status).toBe(200);
    expect((await worker.call('GET', '/v1/topics')).status).toBe(404);
    expect((await worker.call('POST', '/v1/topics/a/events', {})).status).toBe(404);
  } finally {
    await worker.close();
  }
});

describe('a broker whose database goes away', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let broker: TestBroker;

  const start = async () => startEmbeddedPostgres({ dataDir: folder, durable: false });

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hookcast-away-'));
    fs.chmodSync(folder, 0o755);
    server = await start();
    await migrate(server.url);
    const pool = new pg.Pool({ connectionString: server.url });
    await ensureDays(pool, new Date(Date.now() - 86_400_000), 4);
    await pool.end();
    const database = { url: server.url, pool, drop: async () => {} };
    broker = await testBroker({ database, settings: { HOOKCAST_ROLE: 'all' } });
  });
  afterAll(async () => {
    await broker?.close();
    await server?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test('stays up, says so, loses nothing, and goes on by itself', async () => {
    const hooks = await hookServer();
    await broker.call('PUT', '/v1/subscriptions/s', { topics: ['away'], url: hooks.url });
    await broker.publish('away', 'before');
    await until(() => hooks.requests.length === 1, { what: 'the first delivery' });

    await server.stop();
    const refused = await until(
      async () => {
        const answer = await broker.call('POST', '/v1/topics/away/events', 'x', { headers: { 'ce-id': 'during' } });
        return answer.status === 503 && answer;
      },
      { what: "the problem 'unavailable'" },
    );
    expect(refused.body).toMatchObject({ code: 'unavailable' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await broker.call('GET', '/health/ready')).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('database') },
    });
    expect((await broker.call('GET', '/health/live')).status).toBe(200);
    expect(await broker.call('GET', '/v1/topics')).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(await broker.call('PUT', '/v1/topics/new', {})).toMatchObject({ status: 503 });
    expect(await broker.call('POST', '/v1/topics/brand.new/events', 'x')).toMatchObject({ status: 503 });

    const before = heldBytes();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async () => broker.call('POST', '/v1/topics/away/events', 'x'.repeat(50_000))),
      );
    }
    // Bodies of 50 MB came meanwhile, and a log of a few.
    expect(heldBytes() - before).toBeLessThan(25_000_000);

    server = await start();
    await until(async () => (await broker.call('GET', '/health/ready')).status === 200, {
      what: 'readiness',
    });
    await until(
      async () =>
        (await broker.call('POST', '/v1/topics/away/events', '"after"', { headers: { 'ce-id': 'after' } })).status ===
        201,
      { what: 'publishing again' },
    );
    await until(() => hooks.requests.some(({ headers }) => headers['webhook-id'] === 'after'), {
      what: 'delivering again',
    });
    expect((await broker.call('PUT', '/v1/topics/new', {})).status).toBe(201);
    await hooks.close();
  });
});

test('a clock that is far from the database’s makes the process say so, and not ready', async () => {
  let skew = 0;
  const broker = await testBroker({ clock: { now: () => new Date(Date.now() + skew) } });
  try {
    const check = broker.app.get(ClockCheck, { strict: false });
    const ready = async () =>
      broker.call<{ clockSkewMs: number }>('GET', '/health/ready', undefined, { authorization: undefined });
    expect(Math.abs((await check.runOnce()).skewMs)).toBeLessThan(5_000);
    expect((await ready()).status).toBe(200);
    skew = 40_000;
    await check.runOnce();
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      detail: expect.stringMatching(/^the clock is \d{5} ms ahead of the database's$/),
    });
    expect(broker.lines.join('')).toContain('clock.skewed');
    skew = -40_000;
    await check.runOnce();
    expect((await ready()).body).toMatchObject({ detail: expect.stringContaining('behind') });
    skew = 0;
    await check.runOnce();
    expect((await ready()).status).toBe(200);
    expect(broker.lines.join('')).toContain('clock.agrees-again');
  } finally {
    await broker.close();
  }
});
