// `node test/bench/delivery.mjs [events] [fanOut …]`: the delivery worker by itself. Appends events with the Appender and
// drains them through DeliveryWorker to a receiver of its own process, first with all events waiting, then while they are
// published; prints deliveries a second, their ratio to bare POSTs of the same bytes in the same run, WAL and dead tuples.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createDataPool, migrate } from '@hookcast/database';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import { DeliveryWorker } from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import { Appender, createCursors, createStreams, ensureDays, loadStreams } from '@hookcast/log';
import { generateSecret, uuidv7 } from '@hookcast/protocol';
import { barePosts, orderEvent, percentile, round, startReceiver, until } from './rig.mjs';

const [total = 20_000, ...fanOuts] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'hookcast-delivery-bench-'));
const database = await startEmbeddedPostgres({ dataDir: join(folder, 'pg18') });
await migrate(database.url);
const control = createDataPool(database.url, { max: 2 });
if (process.env.BENCH_NARROW) {
  await control.query('alter table attempts drop constraint attempts_pk');
  await control.query('create index attempts_of_delivery on attempts (stream_id, subscription_id, seq)');
}
await ensureDays(control, new Date(Date.now() - 86_400_000), 4);
const receiver = await startReceiver();
const subscriptions = [];
const catalog = {
  load: async () => {
    const { rows } = await control.query('select version from control_state');
    return { version: Number(rows[0].version), subscriptions, streams: await loadStreams(control) };
  },
  changes: async () => undefined,
};

async function createTopic(name, fanOut) {
  await control.query('update control_state set version = version + 1');
  const { rows } = await control.query('insert into topics (name, partitions) values ($1, 4) returning id', [name]);
  const topicId = rows[0].id;
  await createStreams(control, topicId, { from: 0, to: 4 });
  for (let index = 0; index < fanOut; index += 1) {
    const id = topicId * 100 + index;
    await createCursors(control, { subscriptionId: id, topicIds: [topicId], start: { kind: 'earliest' } });
    subscriptions.push({
      id,
      name: `${name}-${index}`,
      topics: [name],
      url: receiver.url,
      format: 'cloudevents',
      batch: null,
      ordering: 'none',
      concurrency: 128,
      timeoutMs: 15_000,
      retry: { schedule: [1, 5, 30], jitter: 0.2 },
      nonRetryable: [],
      headers: {},
      signature: 'hmac',
      secrets: [generateSecret()],
      signingKeys: [],
      filter: null,
      state: 'active',
    });
  }
  const streams = (await loadStreams(control)).filter((stream) => stream.topicId === topicId);
  return { topicId, name, retentionDays: 7, streams };
}

const events = Array.from({ length: 1000 }, (_, index) => Buffer.from(JSON.stringify(orderEvent(index))));
const newEvent = (topic, index) => ({
  id: uuidv7(),
  type: topic,
  source: `/topics/${topic}`,
  contentType: 'application/json',
  attributes: {},
  data: events[index % events.length],
});

async function publishAll(appender, topic, count) {
  let next = 0;
  const one = async () => {
    while (next < count) {
      const from = next;
      next += 1;
      const result = await appender.append(topic, [newEvent(topic.name, from)]);
      if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
    }
  };
  await Promise.all(Array.from({ length: 500 }, one));
}

const wal = async () =>
  Number((await control.query("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes")).rows[0].bytes);
const lsn = async () => (await control.query('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn;

/** Where the WAL comes from: `BENCH_WAL=1`, and a server with pg_walinspect. */
async function explainWal(from, deliveries) {
  await control.query('create extension if not exists pg_walinspect');
  await control.query('select pg_switch_wal()');
  const { rows } = await control.query(
    `select coalesce(c.relname, '-') as relation, b.resource_manager || ' ' || b.record_type as record, count(*)::int as records,
            sum(record_length)::int as bytes, sum(block_fpi_length)::int as fpi
       from (select distinct on (start_lsn) * from pg_get_wal_block_info($1, pg_current_wal_flush_lsn()) order by start_lsn, block_id) b
       left join pg_class c on c.relfilenode = b.relfilenode
      group by 1, 2 order by 4 desc limit 14`,
    [from],
  );
  for (const row of rows)
    console.log('  wal', JSON.stringify({ ...row, perDelivery: round(row.bytes / deliveries, 1) }));
}

const deadTuples = async () => {
  await control.query('select pg_stat_force_next_flush()');
  const { rows } = await control.query(
    "select coalesce(sum(n_dead_tup), 0)::int as dead from pg_stat_user_tables where relname ~ '^(events|attempts)_'",
  );
  return rows[0].dead;
};
const drained = (count) => until(async () => (await receiver.ask('count')).count >= count, `${count} deliveries`);

async function baseline() {
  const body = Buffer.from(
    `{"specversion":"1.0","id":"${randomUUID()}","source":"/topics/bench","type":"bench","time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json","data":${JSON.stringify(orderEvent(0))}}`,
  );
  const headers = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': randomUUID(),
    'webhook-timestamp': '1764000000',
    'webhook-signature': `v1,${'A'.repeat(44)}`,
    'hookcast-topic': 'bench',
    'hookcast-subscription': 'bench-0',
    'hookcast-position': '1:1000',
    'hookcast-attempt': '1',
    'user-agent': 'Hookcast/0',
  };
  await barePosts(receiver.url, 5_000, headers, body);
  const before = process.cpuUsage();
  const perSecond = await barePosts(receiver.url, 20_000, headers, body);
  return { perSecond, cpuMicros: cpuMicros(before) / 20_000 };
}

/** CPU of this process: a figure that hardly depends on what else the machine does. */
function cpuMicros(before) {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function createWorker() {
  const pool = createDataPool(database.url, { max: 5 });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, connectionsPerOrigin: 128 });
  const log = { info: () => {}, warn: (event, fields) => console.log(event, fields) };
  const worker = new DeliveryWorker({ pool, client, catalog, log });
  const stop = async () => {
    await worker.stop();
    await client.close();
    await pool.end();
  };
  return { worker, stop };
}

async function measure(name, { fanOut, whilePublishing }) {
  const topic = await createTopic(name, fanOut);
  const { worker, stop } = createWorker();
  const appender = new Appender({ pool: control, onAppended: (heads) => worker.wake(heads) });
  if (whilePublishing) {
    worker.start();
    await publishAll(appender, topic, 4_000);
    await drained(4_000 * fanOut);
  } else {
    await publishAll(appender, topic, total);
  }
  await delay(300);
  await receiver.ask('reset');
  await control.query('checkpoint');
  const walBefore = await wal();
  const lsnBefore = await lsn();
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  if (whilePublishing) await publishAll(appender, topic, total);
  const publishedAt = performance.now();
  if (!whilePublishing) worker.start();
  await drained(total * fanOut);
  const perSecond = (total * fanOut) / ((performance.now() - began) / 1000);
  const cpu = cpuMicros(cpuBefore) / (total * fanOut);
  await delay(300);
  const walPerDelivery = ((await wal()) - walBefore) / (total * fanOut);
  if (process.env.BENCH_WAL) await explainWal(lsnBefore, total * fanOut);
  await stop();
  await appender.stop();
  const bare = await baseline();
  const publishPerSecond = whilePublishing ? { publishedPerSecond: round(total / ((publishedAt - began) / 1000)) } : {};
  console.log(
    name,
    JSON.stringify({
      fanOut,
      perSecond: round(perSecond),
      ...publishPerSecond,
      bare: round(bare.perSecond),
      cpuMicros: round(cpu, 1),
      bareCpuMicros: round(bare.cpuMicros, 1),
      ratio: round(perSecond / bare.perSecond, 2),
      walPerDelivery: round(walPerDelivery),
      deadTuples: await deadTuples(),
      rssMb: round(process.memoryUsage().rss / 1_048_576),
    }),
  );
}

async function latency() {
  const topic = await createTopic('bench.latency', 1);
  const { worker, stop } = createWorker();
  const appender = new Appender({ pool: control, onAppended: (heads) => worker.wake(heads) });
  worker.start();
  await delay(500);
  await receiver.ask('reset');
  const began = performance.now();
  for (let index = 0; index < 1000; index += 1) {
    const data = Buffer.from(JSON.stringify({ sentAt: performance.timeOrigin + performance.now() }));
    void appender.append(topic, [{ ...newEvent(topic.name, index), data }]);
    const wait = began + index * 5 - performance.now();
    if (wait > 0) await delay(wait);
  }
  await drained(1000);
  const { delays } = await receiver.ask('delays');
  const sorted = delays.toSorted((a, b) => a - b);
  console.log(
    'latency at 200/s',
    JSON.stringify({ p50: round(percentile(sorted, 0.5), 1), p99: round(percentile(sorted, 0.99), 1) }),
  );
  await stop();
  await appender.stop();
}

for (const fanOut of fanOuts.length > 0 ? fanOuts : [1, 4]) {
  if (!process.env.BENCH_PUSH_ONLY) await measure(`bench.drain${fanOut}`, { fanOut, whilePublishing: false });
  await measure(`bench.push${fanOut}`, { fanOut, whilePublishing: true });
}
await latency();
receiver.stop();
await control.end();
await database.stop();
rmSync(folder, { recursive: true, force: true });
