import { Pulse } from '../../apps/broker/src/control/pulse.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { rowsRead } from '../support/rows-read.js';
import { statementsOf } from '../support/statements.js';
import { accessTable } from './access-table.js';

/** Of the tables that grow with what is published and delivered. */
const growing = ['events', 'attempts', 'dead_letters', 'retries'];
/** What stays open, or asks no table that grows and is asked for elsewhere. */
const leftOut = ['GET /v1/topics/:topic/stream', 'GET /v1/live', 'GET /docs', 'GET /openapi.json'];
/** Rows that a route may count at most, and says so in its answer or its description. */
const bounds: Record<string, number> = { 'GET /v1/dead-letters/groups': 10_001, 'GET /metrics': 10_001 };
/** Further forms of routes, which read something else. */
const forms = [
  'GET /v1/topics/:topic/events?from=earliest&limit=10',
  'GET /v1/topics/:topic/events?from=latest',
  ...['pending', 'retrying', 'delivered', 'dead'].map(
    (state) => `GET /v1/subscriptions/:name/deliveries?status=${state}`,
  ),
  'GET /v1/dead-letters?subscription=s1',
  'GET /v1/dead-letters/groups?subscription=s1',
  'GET /v1/subscriptions?topic=t1',
];

let broker: TestBroker;
let hook: HookServer;
const objects: Record<string, string> = {
  'topics/:name': 't1',
  'topics/:topic': 't1',
  'subscriptions/:name': 's1',
  'sources/:name': 'hub',
};
beforeAll(async () => {
  hook = await hookServer();
  broker = await testBroker();
  // What it does by itself is no part of a route.
  broker.app.get(Pulse, { strict: false }).stop();
  await expected('PUT', '/v1/subscriptions/s1', { topics: ['t1'], url: hook.url });
  await expected('PUT', '/v1/sources/hub', { sender: 'github', secret: 'a-secret-of-mine' });
  const { id } = await broker.publish('t1', {});
  objects['events/:id'] = objects['deliveries/:eventId'] = id;
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

async function expected(method: string, path: string, body?: object): Promise<void> {
  const answer = await broker.call(method, path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
}

/** More subscriptions and topics like the first ones, each pair with its stream and cursor. */
async function widen(to: number): Promise<void> {
  await broker.database.pool.query(`
    do $$ begin
      insert into topics (name, partitions) select 't' || n, 1 from generate_series(2, ${to}) n on conflict do nothing;
      insert into streams (topic_id, partition_no)
        select t.id, 0 from topics t where not exists (select from streams s where s.topic_id = t.id);
      insert into assignments (stream_id) select stream_id from streams on conflict do nothing;
      insert into subscriptions (name, topics, url, format, ordering, concurrency, timeout_ms, retry, non_retryable, headers,
          signature, secrets, start_from)
        select 's' || n, array['t' || n], url, format, ordering, concurrency, timeout_ms, retry, non_retryable, headers,
          signature, secrets, start_from from subscriptions, generate_series(2, ${to}) n where name = 's1'
        on conflict do nothing;
      insert into cursors (stream_id, subscription_id, settled_seq, settled_at)
        select st.stream_id, s.id, 0, 'epoch' from subscriptions s join topics t on t.name = s.topics[1]
          join streams st on st.topic_id = t.id on conflict do nothing;
    end $$`);
}

/** More events of t1: half are settled, with an attempt each, and of the others some died and some wait for a retry. */
async function deepen(to: number): Promise<void> {
  await broker.database.pool.query(`
    do $$ declare first int; stream int; subscription int; begin
      select s.stream_id, s.head_seq + 1 into stream, first from streams s join topics t on t.id = s.topic_id
        where t.name = 't1' order by s.partition_no limit 1;
      select id into subscription from subscriptions where name = 's1';
      insert into events (stream_id, seq, created_at, event_id, data)
        select stream, n, now() + n * interval '1 microsecond', 'e-' || n, '{}' from generate_series(first, ${to}) n;
      update streams set head_seq = ${to}, head_at = now() where stream_id = stream;
      update cursors set settled_seq = ${to / 2}, settled_at = now() + ${to / 2} * interval '1 microsecond', delivered = ${to / 2} where stream_id = stream;
      insert into attempts (seq, created_at, stream_id, subscription_id, duration_ms, attempt_no, outcome, http_status)
        select n, now() + n * interval '1 microsecond', stream, subscription, 5, 1, 1, 204 from generate_series(first, ${to}) n;
      insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts, event_at, event_id, topic, announced)
        select stream, subscription, n, now() + n * interval '1 microsecond', 'exhausted', 1, now() + n * interval '1 microsecond', 'e-' || n, 't1', true
          from generate_series(first, ${to}) n where n % 4 = 0;
      insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, next_at)
        select stream, subscription, n, now() + n * interval '1 microsecond', 1, now() from generate_series(first, ${to}) n where n % 4 = 1;
    end $$`);
  await broker.database.pool.query('analyze');
}

const routes = () => [
  ...Object.keys(accessTable).filter((route) => route.startsWith('GET ') && !leftOut.includes(route)),
  ...forms,
];

interface Cost {
  statements: number;
  /** Of the tables that grow. */
  rows: number;
}

async function costOf(route: string): Promise<Cost> {
  const path = route.slice(4).replaceAll(/([a-z-]+)\/(:[a-zA-Z]+)/g, (_, collection: string, parameter: string) => {
    const value = objects[`${collection}/${parameter}`];
    if (value === undefined) throw new Error(`Say in this test what stands for ${collection}/${parameter}.`);
    return `${collection}/${value}`;
  });
  const sent = await statementsOf(async () => {
    const answer = await broker.call('GET', path);
    expect(answer.status, `${path}: ${answer.text}`).toBe(200);
  });
  let rows = 0;
  for (const statement of sent) {
    const read = await rowsRead(broker.database.pool, statement);
    for (const table of growing) rows += read.get(table) ?? 0;
  }
  return { statements: sent.length, rows };
}

async function nameObjects(): Promise<void> {
  const found = await broker.call<{ items: { id: string }[] }>('GET', '/v1/dead-letters');
  objects['dead-letters/:id'] = found.body.items[0]?.id ?? '';
  const redrive = await broker.call<{ id: string }>('POST', '/v1/dead-letters/redrive', { subscription: 's1' });
  objects['operations/:id'] = redrive.body.id;
}

async function costs(): Promise<Map<string, Cost>> {
  const all = new Map<string, Cost>();
  for (const route of routes()) all.set(route, await costOf(route));
  return all;
}

test('no route reads more of what was published and delivered when there is more of it, or asks more when there are more', async () => {
  await widen(10);
  await deepen(1_000);
  await nameObjects();
  const few = await costs();
  await widen(110);
  await deepen(20_000);
  const many = await costs();
  const isWorse = ([route, { rows, statements }]: [string, Cost]) => {
    const before = few.get(route);
    return (
      !before || rows > before.rows + (bounds[route.replace(/\?.*/, '')] ?? 250) || statements > before.statements + 1
    );
  };
  const worse = new Map<string, Cost>();
  // Once more, since something else of the broker may have asked meanwhile.
  for (const [route] of [...many].filter(isWorse)) worse.set(route, await costOf(route));
  expect([...worse].filter(isWorse)).toEqual([]);
});
