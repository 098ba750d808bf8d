// What live traffic feels of past events that are delivered beside it: of replays to the same hook, and of a new
// subscription that begins with the oldest event of another topic.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { report } from './report.mjs';
import { orderEvent, percentile, rate, round, until } from './rig.mjs';

/** Past events that are delivered again. */
const replayed = Number(process.env.BENCH_REPLAY ?? 20_000);
/** Past events of another topic. */
const backfilled = Number(process.env.BENCH_BACKFILL ?? 100_000);
/** Replayed deliveries a second, the default and a fast one, with what p99 of live traffic may be of that without. */
const replays = [
  { replayRate: 200, bound: '<= 1.25' },
  { replayRate: 1_000, bound: '<= 2' },
];
const liveRate = 200;
/** Of one stretch. */
const seconds = replayed / 1_000;
const event = orderEvent(1);

/**
 * p99 of live traffic beside past events against the mean of that before and after them, and against that beside as
 * many more live events: on shared cores any load costs something, and a replay must not cost more than its number.
 */
export async function replay({ rig, receiver, bus }) {
  const topic = 'bench.replay';
  const bench = { rig, receiver, bus, topic };
  await rig.api('PUT', `/v1/subscriptions/${topic}`, { topics: [topic], url: receiver.url, concurrency: 128 });
  await receiver.ask('reset');
  await rate(replayed, 1_000, () => bus.publish(topic, event));
  await until(async () => (await receiver.ask('count')).count >= replayed, 'what is to be replayed');
  const to = new Date().toISOString();
  await rate(backfilled, 1_000, () => bus.publish('bench.past', event));
  await live(bench, seconds / 4);
  for (const one of replays) await besideReplay(bench, { to, ...one });
  await besideBackfill(bench);
  await rig.api('DELETE', `/v1/subscriptions/${topic}`);
}

async function besideReplay(bench, { to, replayRate, bound }) {
  const { rig, topic } = bench;
  const before = await live(bench, seconds);
  const { id } = await rig.api('POST', `/v1/subscriptions/${topic}/replays`, {
    from: 'earliest',
    to,
    rate: replayRate,
  });
  const beside = await live(bench, seconds);
  const { done, pace } = await rig.api('GET', `/v1/operations/${id}`);
  await rig.api('DELETE', `/v1/operations/${id}`);
  // What was under way when it was cancelled.
  await delay(2_000);
  const without = (before + (await live(bench, seconds))) / 2;
  const asLive = await live(bench, seconds, replayRate);
  const share = { p99BesideAsManyLiveMs: round(asLive, 1), ratioToThem: round(beside / asLive, 2) };
  report(
    `${liveRate} live events/s beside a replay at ${replayRate}/s`,
    { ...compared(beside, without), ...share, replayedPerSecond: round(done / seconds), paceAtTheEnd: pace },
    { ratio: bound, ratioToThem: '<= 1.25' },
  );
}

/** As fast as it goes while no live event waits. */
async function besideBackfill(bench) {
  const { rig, receiver } = bench;
  const name = 'bench.past';
  const stretch = seconds / 4;
  const before = await live(bench, stretch);
  const settings = { topics: [name], url: receiver.url, concurrency: 128, startFrom: 'earliest' };
  await rig.api('PUT', `/v1/subscriptions/${name}`, settings);
  const beside = await live(bench, stretch);
  const { backlog } = await rig.api('GET', `/v1/subscriptions/${name}`);
  await rig.api('DELETE', `/v1/subscriptions/${name}`);
  await delay(2_000);
  const without = (before + (await live(bench, stretch))) / 2;
  report(`${liveRate} live events/s beside a new subscription that begins in the past`, {
    ...compared(beside, without),
    backfilledPerSecond: round((backfilled - backlog) / stretch),
  });
}

function compared(beside, without) {
  return { p99Ms: round(beside, 1), p99WithoutMs: round(without, 1), ratio: round(beside / without, 2) };
}

/**
 * Publishes at an even pace.
 *
 * @param moreRate events a second that are published and delivered beside those that are measured
 * @returns p99 of the way to the hook in milliseconds
 */
async function live({ receiver, bus, topic }, forSeconds, moreRate = 0) {
  await receiver.ask('reset');
  const total = Math.round(forSeconds * liveRate);
  const moreBy = (events) => Math.floor((events * moreRate) / liveRate);
  const began = performance.now();
  const pending = [];
  for (let index = 0; index < total; index += 1) {
    const due = began + (index * 1000) / liveRate;
    if (due > performance.now()) await delay(due - performance.now());
    pending.push(bus.publish(topic, { sentAt: performance.timeOrigin + performance.now(), ...event }));
    for (let more = moreBy(index + 1) - moreBy(index); more > 0; more -= 1) pending.push(bus.publish(topic, event));
  }
  await Promise.all(pending);
  const delays = await until(async () => {
    const answer = await receiver.ask('delays');
    return answer.delays.length >= total ? answer.delays : undefined;
  }, 'live deliveries');
  return percentile(
    delays.toSorted((a, b) => a - b),
    0.99,
  );
}
