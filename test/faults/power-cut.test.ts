import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { Chance, newSeed } from '../simulation/chance.js';
import { adminKey, brokerProcess } from '../support/broker.js';
import { hookServer } from '../support/hook-server.js';
import { isAlive } from '../support/embedded-process.js';
import { until } from '../support/until.js';
import { mountLossyDisk } from './lossy-disk/lossy-disk.js';

const patienceMs = 120_000;
const seed = process.env['FAULTS_SEED'] === undefined ? newSeed() : Number(process.env['FAULTS_SEED']);
const isLong = Number(process.env['FAULTS_MINUTES'] ?? 0) > 0;
const disk = await mountLossyDisk();
afterAll(async () => disk?.unmount(), patienceMs);

const clusterIn = (dataDir: string) =>
  join(dataDir, readdirSync(dataDir).find((name) => /^pg\d+$/.test(name)) ?? 'no cluster');

/** The server of a data dir and all its processes. */
function serverPids(dataDir: string): number[] {
  const [postmaster = ''] = readFileSync(join(clusterIn(dataDir), 'postmaster.pid'), 'utf8').split('\n');
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', postmaster], { encoding: 'utf8' });
  return [postmaster, ...children.stdout.trim().split(/\s+/)].map(Number);
}

async function end(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has noticed by itself.
    }
  }
  await until(() => pids.every((pid) => !isAlive(pid)), { timeoutMs: patienceMs, what: 'the server to end' });
}

async function isTaken(url: string, id: string, body: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', 'idempotency-key': id };
  try {
    return (await fetch(`${url}/v1/topics/cuts/events`, { method: 'POST', headers, body })).status === 201;
  } catch {
    return false;
  }
}

describe.skipIf(disk === undefined)('a power cut', () => {
  const { folder, cut, restorePower } = disk ?? { folder: '', cut: async () => 0, restorePower: async () => {} };

  test(
    'takes nothing that was acknowledged, whatever of the rest the disk has kept',
    { timeout: 600_000 },
    async () => {
      console.log(`power cut: seed ${seed}`);
      const chance = new Chance(seed);
      const dataDir = join(folder, 'broker');
      mkdirSync(dataDir, { mode: 0o755 });
      const hook = await hookServer();
      const broker = await brokerProcess({ HOOKCAST_DATA_DIR: dataDir, HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8' });
      onTestFinished(async () => broker.remove());
      onTestFinished(async () => hook.close());
      await broker.start();
      const made = await broker.api('PUT', '/v1/subscriptions/all', { topics: ['cuts'], url: hook.url });
      const webhook = new Webhook((made.body as { secret: string }).secret);
      const tried = new Map<string, string>();
      const acknowledged = new Set<string>();
      // The first takes place soon after the start: what was made then must be on the disk too.
      for (const kept of isLong ? [0, 0.5, 0.9, 0, 0.5, 0.9] : [0, 0.5]) {
        const over = new AbortController();
        const publish = async (publisher: number) => {
          for (let number = 0; !over.signal.aborted; number += 1) {
            const id = `cut-${publisher}-${tried.size}-${number}`;
            const body = JSON.stringify({ id, note: 'x'.repeat(chance.int(0, 3_000)) });
            tried.set(id, body);
            if (await isTaken(broker.url, id, body)) acknowledged.add(id);
            else await pause(20);
          }
        };
        const publishers = Array.from({ length: 8 }, async (_, publisher) => publish(publisher));
        const before = acknowledged.size;
        await until(() => acknowledged.size > before + 100, { timeoutMs: patienceMs, what: 'events to be taken' });
        await pause(chance.int(0, 1_000));
        const pids = serverPids(dataDir);
        const lost = await cut(kept, chance.int(0, 2 ** 31));
        over.abort();
        await Promise.all([broker.kill('SIGKILL'), end(pids)]);
        await Promise.all(publishers);
        await restorePower();
        const { readyMs } = await broker.start();
        const arrived = () => new Set(hook.requests.map(({ headers }) => String(headers['webhook-id'])));
        await until(() => [...acknowledged].every((id) => arrived().has(id)), {
          timeoutMs: patienceMs,
          what: 'all that was acknowledged to arrive',
        });
        console.log(
          `power cut: kept ${kept}, ${lost} pages lost, ${acknowledged.size} events acknowledged of ${tried.size}, ` +
            `${hook.requests.length} requests, ready again in ${readyMs} ms`,
        );
        expect(lost).toBeGreaterThan(0);
      }
      for (const { headers, body } of hook.requests) {
        const { id, data } = JSON.parse(body.toString()) as { id: string; data: unknown };
        expect(JSON.stringify(data)).toBe(tried.get(id));
        webhook.verify(body, headers as Record<string, string>);
      }
    },
  );

  // That the disk can lose what Postgres has committed, or the test above would say nothing.
  test.runIf(isLong)('takes what a server without fsync has committed', { timeout: 300_000 }, async () => {
    const dataDir = join(folder, 'volatile');
    mkdirSync(dataDir, { mode: 0o755 });
    const insert = async (url: string, table: string) => {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      await client.query(`create table ${table} as select generate_series(1, 1000) as number`);
      await client.end();
    };
    const first = await startEmbeddedPostgres({ dataDir });
    await insert(first.url, 'flushed');
    await first.stop();
    const second = await startEmbeddedPostgres({ dataDir, durable: false });
    await insert(second.url, 'unflushed');
    const pids = serverPids(dataDir);
    await cut(0, seed);
    await end(pids);
    await second.stop();
    await restorePower();
    // Lost too: an empty one, which no server dares to remove.
    rmSync(join(clusterIn(dataDir), 'postmaster.pid'));
    const third = await startEmbeddedPostgres({ dataDir });
    const client = new pg.Client({ connectionString: third.url });
    await client.connect();
    const { rows } = await client.query<{ tables: string[] }>(
      `select array_agg(relname::text) as tables from pg_class where relname in ('flushed', 'unflushed')`,
    );
    await client.end();
    await third.stop();
    expect(rows[0]?.tables).toEqual(['flushed']);
  });

  test('takes what a program has written and not flushed', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'flushed', { flush: true });
    writeFileSync(file, ', and more', { flag: 'a' });
    expect(readFileSync(file, 'utf8')).toBe('flushed, and more');
    await cut(0, seed);
    expect(() => readFileSync(file)).toThrow('EIO');
    await restorePower();
    expect(readFileSync(file, 'utf8')).toBe('flushed');
  });
});
