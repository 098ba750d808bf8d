// `npm run bench [-- publish push batch latency replay backlog neighbours snapshot idle changes]`: figures with ratios against bare baselines of the same run.
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createPublisher } from '@hookcast/publisher';
import { Pool } from 'undici';
import { batch, push } from './pushing.mjs';
import { replay } from './replay.mjs';
import { report, results } from './report.mjs';
import { adminKey, barePosts, orderEvent, percentile, rate, round, startReceiver, startRig, until } from './rig.mjs';
import { backlog, changes, idle, neighbours, snapshot } from './steadiness.mjs';

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);

const rig = await startRig();
const receiver = await startReceiver();
const bus = createPublisher({ url: rig.url, apiKey: adminKey });
const events = Array.from({ length: 1000 }, (_, index) => orderEvent(index));

const publishMany = (topic, total, width) => rate(total, width, (index) => bus.publish(topic, events[index % 1000]));

async function publishThroughput() {
  await publishMany('bench.publish', 20_000, 2000);
  const eventsPerSecond = await publishMany('bench.publish', 60_000, 2000);
  report('publish through the SDK', { eventsPerSecond: round(eventsPerSecond) }, { eventsPerSecond: '>= 12000' });

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
      { p50Ms: '<= 5', p99Ms: '<= 25' },
    );
  }
  await rig.api('DELETE', `/v1/subscriptions/${topic}`);
}

console.log(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}`);
try {
  if (wanted('latency')) await idleLatency();
  if (wanted('publish')) await publishThroughput();
  for (const [name, part] of Object.entries({ push, batch, replay, neighbours, snapshot, idle, changes, backlog }))
    if (wanted(name)) await part({ rig, receiver, bus });
} finally {
  await bus.close();
  receiver.stop();
  await rig.stop();
}
console.table(results);
