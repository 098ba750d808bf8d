import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generateSecret } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { createOutboxRelay, outboxTableSql } from '@hookcast/publisher/outbox';
import { inboxTableSql } from '@hookcast/receiver/inbox';
import { adminKey, brokerProcess, freePort, type BrokerProcess } from '../support/broker.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/** How long the broker stays dead. */
const outageSeconds = Number(process.env['HOOKCAST_OUTAGE_SECONDS'] ?? 3);

let broker: BrokerProcess;
let database: TestDatabase;
const children: ChildProcess[] = [];
beforeAll(async () => {
  database = await createEmptyDatabase();
  await database.pool.query(`${outboxTableSql()} ${inboxTableSql('hookcast_inbox')}
    create table orders (id text primary key);
    create table effects (event_id text)`);
  broker = await brokerProcess();
  await broker.start();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await broker.remove();
  await database.drop();
});

/** Runs a program of test/support and gathers the lines it prints. */
function service(program: string, ...parameters: string[]) {
  const path = fileURLToPath(new URL(`../support/${program}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exited = once(child, 'exit');
  // Only whole lines: the last may be cut short by the kill.
  return { child, exited, lines: () => text.split('\n').slice(0, -1) };
}

const relayOptions = () => ({ url: broker.url, apiKey: adminKey, pool: database.pool, intervalMs: 50 });
const waiting = async () => (await database.pool.query('select 1 from hookcast_outbox')).rows.length;

async function missing(ids: readonly string[]): Promise<string[]> {
  const lost: string[] = [];
  for (const id of ids) if ((await broker.api('GET', `/v1/events/${id}`)).status !== 200) lost.push(id);
  return lost;
}

test('a service that is killed between commit and relay loses nothing, and publishes nothing else', async () => {
  const { child, exited, lines } = service('outbox-service.mjs', database.url, 'kills.outbox');
  await until(() => lines().length >= 60, { timeoutMs: 30_000, what: 'sixty orders' });
  child.kill('SIGKILL');
  await exited;
  const relay = createOutboxRelay(relayOptions());
  const { published, refused } = await relay.runOnce();
  await relay.stop();
  const orders: string[] = (await database.pool.query<{ id: string }>('select id from orders')).rows.map(
    ({ id }) => id,
  );
  expect(lines().filter((id) => !orders.includes(id))).toEqual([]);
  expect({ published, refused, waiting: await waiting() }).toEqual({
    published: orders.length,
    refused: 0,
    waiting: 0,
  });
  expect(await missing(orders)).toEqual([]);
});

test('a receiver that is killed between effect and answer has the effect once', async () => {
  const secret = generateSecret();
  const port = await freePort();
  const dying = service('inbox-service.mjs', database.url, secret, String(port), 'die');
  await until(() => dying.lines().includes('listening'), { timeoutMs: 30_000 });
  const { status } = await broker.api('PUT', '/v1/subscriptions/kills-inbox', {
    topics: ['kills.inbox'],
    url: `http://127.0.0.1:${port}/hooks`,
    secret,
    retry: { schedule: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], jitter: 0 },
  });
  expect(status).toBe(201);
  const bus = createPublisher({ url: broker.url, apiKey: adminKey });
  await bus.publish('kills.inbox', { total: 1 }, { id: 'effect-1' });
  await bus.close();
  await dying.exited;
  const effects = async () => (await database.pool.query('select event_id from effects')).rows;
  expect(await effects()).toEqual([{ event_id: 'effect-1' }]);
  const next = service('inbox-service.mjs', database.url, secret, String(port));
  await until(() => next.lines().includes('duplicate effect-1'), { timeoutMs: 60_000, what: 'the second attempt' });
  expect(await effects()).toEqual([{ event_id: 'effect-1' }]);
});

test('the broker is killed under publishing: the service does not notice, and nothing is lost', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hookcast-outage-'));
  const bus = createPublisher({ url: broker.url, apiKey: adminKey, mode: 'spool', spool: { directory } });
  const relay = createOutboxRelay({ ...relayOptions(), onError: () => {} });
  relay.start();
  const latencies: { spool: number[]; outbox: number[] } = { spool: [], outbox: [] };
  const ids: string[] = [];
  const publishBoth = async (at: number) => {
    const [spooled, boxed] = [`spool-${at}`, `outbox-${at}`];
    const began = performance.now();
    await bus.publish('kills.outage', { at }, { id: spooled, key: 'k' });
    const between = performance.now();
    const client = await database.pool.connect();
    await client.query('begin');
    await bus.outbox(client).publish('kills.outage', { at }, { id: boxed, key: 'k2' });
    await client.query('commit');
    client.release();
    latencies.spool.push(between - began);
    latencies.outbox.push(performance.now() - between);
    ids.push(spooled, boxed);
  };
  for (let at = 0; at < 20; at += 1) await publishBoth(at);
  await broker.kill('SIGKILL');
  latencies.spool.length = 0;
  latencies.outbox.length = 0;
  const end = performance.now() + outageSeconds * 1_000;
  for (let at = 20; performance.now() < end; at += 1) {
    await publishBoth(at);
    await pause(5);
  }
  const figures = {
    seconds: outageSeconds,
    events: ids.length,
    spool: p99(latencies.spool),
    outbox: p99(latencies.outbox),
  };
  console.log(`Broker dead for ${figures.seconds} s, ${figures.events} events published. p99 of a publish:`, {
    spoolMs: figures.spool,
    outboxMs: figures.outbox,
  });
  await broker.start();
  const drained = async () => bus.spooled.events === 0 && (await waiting()) === 0;
  await until(drained, { timeoutMs: 90_000, what: 'everything to be published' });
  expect(await missing(ids)).toEqual([]);
  // 5 ms on an idle machine; the disk of a shared one has worse moments.
  expect(figures.spool).toBeLessThan(50);
  await relay.stop();
  await bus.close();
  rmSync(directory, { recursive: true, force: true });
});

const p99 = (values: number[]): number =>
  Number((values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Infinity).toFixed(2));
