// How many events a second go from a publisher to hooks: one to a request, or a hundred.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { barePosts, cpuUs, orderEvent, rate, round, until } from './rig.mjs';
import { report } from './report.mjs';

const events = Array.from({ length: 1000 }, (_, index) => orderEvent(index));
/** Events of a batched request. */
const batchSize = 100;

/** One event to a request. */
export async function push(bench) {
  await publishAndPush(bench, {
    name: 'publish and single push, fan-out 1',
    fanOut: 1,
    total: 40_000,
    settings: { concurrency: 128 },
    bare: bareEvents,
    bounds: { ratio: '>= 0.30' },
  });
  await publishAndPush(bench, {
    name: 'publish and single push, fan-out 4',
    fanOut: 4,
    total: 16_000,
    settings: { concurrency: 128 },
    bare: bareEvents,
    bounds: { ratio: '>= 0.35', walPerDelivery: '<= 450' },
  });
}

/** A hundred events to a request, as far as so many wait: few requests at a time let them gather. */
export async function batch(bench) {
  const settings = { concurrency: 4, batch: { maxEvents: batchSize } };
  await publishAndPush(bench, {
    name: 'publish and batched push, fan-out 1',
    fanOut: 1,
    total: 80_000,
    settings,
    bare: bareBatches,
    bounds: { perSecond: '>= 12000' },
  });
  await publishAndPush(bench, {
    name: 'publish and batched push, fan-out 4',
    fanOut: 4,
    total: 40_000,
    settings,
    bare: bareBatches,
    bounds: { perSecond: '>= 30000' },
  });
}

async function publishAndPush({ rig, receiver, bus }, { name, fanOut, total, settings, bare, bounds }) {
  const topic = `bench.${settings.batch === undefined ? 'push' : 'batch'}${fanOut}`;
  await rig.api('PUT', `/v1/topics/${topic}`, {});
  const names = Array.from({ length: fanOut }, (_, index) => `${topic}-${index}`);
  for (const one of names)
    await rig.api('PUT', `/v1/subscriptions/${one}`, { topics: [topic], url: receiver.url, ...settings });
  const publishAndWait = async (count) => {
    await receiver.ask('reset');
    await rate(count, 1000, (index) => bus.publish(topic, events[index % 1000]));
    await until(async () => (await receiver.ask('count')).count >= count * fanOut, `${count * fanOut} deliveries`);
  };
  await publishAndWait(total / 4);
  await delay(300);
  const bareBefore = await bare(receiver);
  const [walBefore, cpuBefore] = [await walBytes(rig), cpuUs(rig)];
  const began = performance.now();
  await publishAndWait(total);
  const perSecond = (total * fanOut) / ((performance.now() - began) / 1000);
  const { count, requests } = await receiver.ask('count');
  await delay(500);
  const walPerDelivery = ((await walBytes(rig)) - walBefore) / (total * fanOut);
  const cpu = cpuUs(rig, cpuBefore, total * fanOut);
  // Before and after, since a shared machine changes its mind in between.
  const bareMean = (bareBefore + (await bare(receiver))) / 2;
  report(
    name,
    {
      perSecond: round(perSecond),
      bare: round(bareMean),
      ratio: round(perSecond / bareMean, 2),
      eventsPerRequest: round(count / requests),
      walPerDelivery: round(walPerDelivery),
      deadTuples: await deadTuples(rig),
      ...cpu,
    },
    bounds,
  );
  for (const one of names) await rig.api('DELETE', `/v1/subscriptions/${one}`);
}

async function walBytes(rig) {
  const { rows } = await rig.pool.query('select pg_current_wal_insert_lsn() - $1::pg_lsn as bytes', ['0/0']);
  return Number(rows[0].bytes);
}

async function deadTuples(rig) {
  const { rows } = await rig.pool.query(
    "select coalesce(sum(n_dead_tup), 0)::int as dead from pg_stat_user_tables where relname ~ '^(events|attempts)_'",
  );
  return rows[0].dead;
}

const bareEvent = JSON.stringify({
  specversion: '1.0',
  id: '0'.repeat(36),
  source: '/topics/bench.push',
  type: 'bench.push',
  datacontenttype: 'application/json',
  data: events[0],
});
const bareHeaders = {
  'webhook-id': '0'.repeat(36),
  'webhook-timestamp': '1764000000',
  'webhook-signature': `v1,${'A'.repeat(44)}`,
  'user-agent': 'Hookcast/0',
};

async function bareEvents(receiver) {
  const headers = { ...bareHeaders, 'content-type': 'application/cloudevents+json; charset=utf-8' };
  const body = Buffer.from(bareEvent);
  await barePosts(receiver.url, 5_000, headers, body);
  return barePosts(receiver.url, 20_000, headers, body);
}

/** Events a second. */
async function bareBatches(receiver) {
  const headers = { ...bareHeaders, 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };
  const body = Buffer.from(`[${Array.from({ length: batchSize }, () => bareEvent).join(',')}]`);
  await barePosts(receiver.url, 500, headers, body);
  return batchSize * (await barePosts(receiver.url, 2_000, headers, body));
}
