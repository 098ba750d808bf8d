// `npm run bench [-- publish push latency backlog neighbours snapshot idle]`: figures with ratios against bare baselines of the same run.
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createPublisher } from '@hookcast/publisher';
import { Pool } from 'undici';
import { adminKey, barePosts, orderEvent, percentile, rate, round, startReceiver, startRig, until } from './rig.mjs';
import { backlog, idle, neighbours, snapshot } from './steadiness.mjs';

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);
const results = [];
const report = (name, figures, target = '') => {
  results.push({ name, ...figures, target });
  console.log(`${name}: ${JSON.stringify(figures)} ${target}`);
};

const rig = await startRig();
const receiver = await startReceiver();
const bus = createPublisher({ url: rig.url, apiKey: adminKey });
const events = Array.from({ length: 1000 }, (_, index) => orderEvent(index));

const publishMany = (topic, total, width) => rate(total, width, (index) => bus.publish(topic, events[index % 1000]));

async function publishThroughput() {
  await publishMany('bench.publish', 20_000, 2000);
  const eventsPerSecond = await publishMany('bench.publish', 60_000, 2000);
  report('publish through the SDK', { eventsPerSecond: round(eventsPerSecond) }, '>= 12,000 events/s');

  const body = JSON.stringify(events[0]);
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const client = new Pool(rig.url, { connections: 64 });
  const single = (count) =>
    rate(count, 64, async () => {
      const response = await client.request({ path: '/v1/topics/bench.single/events', method: 'POST', headers, body });
      if (response.statusCode !== 201) throw new Error(`publish answered ${response.statusCode}`);
      await response.body.dump();
    });
  await single(4_000);
  const singlePerSecond = await single(12_000);
  await client.close();
  const bare = await barePosts(receiver.url, 12_000, headers, body);
  report('single-request publishes', {
    perSecond: round(singlePerSecond),
    bare: round(bare),
    ratio: round(singlePerSecond / bare, 2),
  });
}

async function wal() {
  const { rows } = await rig.pool.query('select pg_current_wal_insert_lsn() - $1::pg_lsn as bytes', ['0/0']);
  return Number(rows[0].bytes);
}

async function deadTuples() {
  const { rows } = await rig.pool.query(
    "select coalesce(sum(n_dead_tup), 0)::int as dead from pg_stat_user_tables where relname ~ '^(events|attempts)_'",
  );
  return rows[0].dead;
}

async function publishAndPush(fanOut, total, target) {
  const topic = `bench.push${fanOut}`;
  await rig.api('PUT', `/v1/topics/${topic}`, {});
  for (let index = 0; index < fanOut; index += 1) {
    await rig.api('PUT', `/v1/subscriptions/${topic}-${index}`, {
      topics: [topic],
      url: receiver.url,
      concurrency: 128,
    });
  }
  const drained = (expected) =>
    until(async () => (await receiver.ask('count')).count >= expected, `${expected} deliveries`);
  await receiver.ask('reset');
  await publishMany(topic, total / 4, 1000);
  await drained((total / 4) * fanOut);
  await delay(300);
  await receiver.ask('reset');
  const bareBefore = await bareHookPosts();
  await receiver.ask('reset');
  const before = await wal();
  const began = performance.now();
  await publishMany(topic, total, 1000);
  await drained(total * fanOut);
  const perSecond = (total * fanOut) / ((performance.now() - began) / 1000);
  await delay(500);
  const walPerDelivery = ((await wal()) - before) / (total * fanOut);
  // Before and after, since a shared machine changes its mind in between.
  const bare = (bareBefore + (await bareHookPosts())) / 2;
  report(
    `publish and single push, fan-out ${fanOut}`,
    {
      perSecond: round(perSecond),
      bare: round(bare),
      ratio: round(perSecond / bare, 2),
      walPerDelivery: round(walPerDelivery),
      deadTuples: await deadTuples(),
    },
    target,
  );
  for (let index = 0; index < fanOut; index += 1) await rig.api('DELETE', `/v1/subscriptions/${topic}-${index}`);
}

async function bareHookPosts() {
  const body = Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: '0'.repeat(36),
      source: '/topics/bench.push',
      type: 'bench.push',
      datacontenttype: 'application/json',
      data: events[0],
    }),
  );
  const headers = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': '0'.repeat(36),
    'webhook-timestamp': '1764000000',
    'webhook-signature': `v1,${'A'.repeat(44)}`,
    'user-agent': 'Hookcast/0',
  };
  await barePosts(receiver.url, 5_000, headers, body);
  return barePosts(receiver.url, 20_000, headers, body);
}

async function idleLatency() {
  const topic = 'bench.latency';
  await rig.api('PUT', `/v1/subscriptions/${topic}`, { topics: [topic], url: receiver.url });
  for (const warmUp of [true, false]) {
    await receiver.ask('reset');
    const began = performance.now();
    const pending = [];
    for (let index = 0; index < 2000; index += 1) {
      const due = began + index * 5;
      if (due > performance.now()) await delay(due - performance.now());
      const sentAt = performance.timeOrigin + performance.now();
      pending.push(bus.publish(topic, { sentAt, ...orderEvent(index, { index: 1 }) }));
    }
    await Promise.all(pending);
    await until(async () => (await receiver.ask('count')).count >= 2000, '2000 deliveries');
    if (warmUp) continue;
    const delays = (await receiver.ask('delays')).delays.toSorted((a, b) => a - b);
    report(
      'publish to hook at 200 events/s',
      {
        p50Ms: round(percentile(delays, 0.5), 1),
        p99Ms: round(percentile(delays, 0.99), 1),
        maxMs: round(delays.at(-1), 1),
      },
      'p50 <= 5 ms, p99 <= 25 ms',
    );
  }
  await rig.api('DELETE', `/v1/subscriptions/${topic}`);
}

console.log(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}`);
try {
  if (wanted('latency')) await idleLatency();
  if (wanted('publish')) await publishThroughput();
  if (wanted('push')) {
    await publishAndPush(1, 40_000, 'ratio >= 0.30');
    await publishAndPush(4, 16_000, 'ratio >= 0.35, WAL <= 450 bytes');
  }
  for (const [name, part] of Object.entries({ neighbours, snapshot, idle, backlog }))
    if (wanted(name)) await part({ rig, receiver, bus, report });
} finally {
  await bus.close();
  receiver.stop();
  await rig.stop();
}
console.table(results);
