import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { generateSecret } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { createOutboxRelay, outboxTableSql } from '@hookcast/publisher/outbox';
import { inboxTableSql } from '@hookcast/receiver/inbox';
import { adminKey, brokerProcess, freePort, type BrokerProcess } from '../support/broker.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

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
  await until(() => lines().length >= 60, { what: 'sixty orders' });
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
  await until(() => dying.lines().includes('listening'));
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
