// Whether the bus keeps its pace: with a backlog, beside bad neighbours, while a snapshot is held open, and with nothing to
// do. Every figure is a ratio of two runs, or a bound. Sizes come from the environment, so that a long form is possible.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { orderEvent, percentile, rate, round, until } from './rig.mjs';

const size = (name, fallback) => Number(process.env[name] ?? fallback);
/** Events that wait; published while the subscription is paused. */
const waiting = size('BENCH_WAITING', 1_000_000);
/** Events of a run that others are compared with. */
const baselineEvents = size('BENCH_BASELINE', 40_000);
/** Seconds that the snapshot is held; 600 in the long form. */
const snapshotSeconds = size('BENCH_SNAPSHOT_SECONDS', 45);
const neighbourSeconds = size('BENCH_NEIGHBOUR_SECONDS', 15);
const idleSeconds = size('BENCH_IDLE_SECONDS', 30);

const event = orderEvent(1);
const sorted = (values) => values.toSorted((a, b) => a - b);

/** Drains of a million waiting events against pushing what is published in the same moment, and what publishing feels. */
export async function backlog({ rig, receiver, bus, report }) {
  const topic = 'bench.backlog';
  const name = await subscribe(rig, topic, receiver.url);
  const publish = (count) => rate(count, 1_000, () => bus.publish(topic, event));
  const drained = (count) =>
    until(async () => (await receiver.ask('count')).count >= count, `${count} deliveries`, 900_000);
  await publish(baselineEvents / 4);
  await drained(baselineEvents / 4);

  const none = await timed(rig, async () => {
    await receiver.ask('reset');
    await publish(baselineEvents);
    await drained(baselineEvents);
  });
  await rig.api('POST', `/v1/subscriptions/${name}/pause`);
  await publish(waiting);
  await receiver.ask('reset');
  const some = await timed(rig, async () => {
    await rig.api('POST', `/v1/subscriptions/${name}/resume`);
    await drained(waiting);
  });
  await rig.api('DELETE', `/v1/subscriptions/${name}`);
  const rates = { none: baselineEvents / none.seconds, waiting: waiting / some.seconds };
  report(
    `drain of ${waiting} waiting events`,
    {
      perSecond: round(rates.waiting),
      noneWaiting: round(rates.none),
      ratio: round(rates.waiting / rates.none, 2),
      publishP50Ms: round(some.p50, 1),
      publishP50NoneMs: round(none.p50, 1),
      publishRatio: round(some.p50 / none.p50, 2),
    },
    'ratio >= 0.9, publish ratio <= 1.5',
  );
}

/** Runs the work and publishes one event at a time beside it: how long it takes, and how long a publisher waits. */
async function timed(rig, work) {
  const waits = [];
  const state = { isOver: false };
  const trickle = (async () => {
    while (!state.isOver) {
      const began = performance.now();
      await rig.api('POST', '/v1/topics/bench.trickle/events', event);
      waits.push(performance.now() - began);
      await delay(20);
    }
  })();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  state.isOver = true;
  await trickle;
  return { seconds, p50: percentile(sorted(waits), 0.5) };
}

/** 100 subscriptions of one topic, then two of them bad: what the others feel of it. */
export async function neighbours({ rig, receiver, bus, report }) {
  const topic = 'bench.neighbours';
  const bad = [await badHook(() => {}), await badHook((response) => response.writeHead(500).end())];
  const names = [];
  for (let index = 0; index < 100; index += 1) names.push(await subscribe(rig, topic, receiver.url, `-${index}`, 8));
  const p99 = async (listeners) => {
    await receiver.ask('reset');
    const total = neighbourSeconds * 20;
    for (let index = 0; index < total; index += 1) {
      await bus.publish(topic, { sentAt: performance.timeOrigin + performance.now(), ...event });
      await delay(50);
    }
    await until(async () => (await receiver.ask('count')).count >= total * listeners, 'all deliveries');
    return percentile(sorted((await receiver.ask('delays')).delays), 0.99);
  };
  await p99(100);
  const alone = await p99(100);
  for (const [index, { url }] of bad.entries())
    await rig.api('PUT', `/v1/subscriptions/${names[index]}`, {
      topics: [topic],
      url,
      concurrency: 8,
      timeoutMs: 5_000,
    });
  await delay(1_000);
  const beside = await p99(98);
  for (const name of names) await rig.api('DELETE', `/v1/subscriptions/${name}`);
  for (const hook of bad) hook.close();
  report(
    '98 subscriptions beside one that hangs and one that answers 500',
    { p99Ms: round(beside, 1), p99AloneMs: round(alone, 1), ratio: round(beside / alone, 2) },
    'ratio <= 1.25',
  );
}

async function badHook(answer) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/hook`, close };
}

/** A REPEATABLE READ snapshot keeps dead rows of hot tables from being reused: what that costs after a while. */
export async function snapshot({ rig, receiver, bus, report }) {
  const topic = 'bench.snapshot';
  const name = await subscribe(rig, topic, receiver.url);
  const push = async () => {
    await receiver.ask('reset');
    const began = performance.now();
    await rate(baselineEvents, 1_000, () => bus.publish(topic, event));
    await until(async () => (await receiver.ask('count')).count >= baselineEvents, 'all deliveries');
    return baselineEvents / ((performance.now() - began) / 1000);
  };
  await push();
  const before = await push();
  const holder = await rig.pool.connect();
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from streams');
  const end = performance.now() + snapshotSeconds * 1000;
  let last = await push();
  while (performance.now() < end) last = await push();
  await holder.query('rollback');
  holder.release();
  const after = await push();
  await rig.api('DELETE', `/v1/subscriptions/${name}`);
  report(
    `pushing while a snapshot is held for ${snapshotSeconds} s`,
    // The runs before and after, since a shared machine changes its mind in between.
    { perSecond: round(last), without: round((before + after) / 2), ratio: round((2 * last) / (before + after), 2) },
    'ratio >= 0.9',
  );
}

/** 1,000 subscriptions with nothing to deliver. */
export async function idle({ rig, receiver, report }) {
  const names = [];
  for (let index = 0; index < 1_000; index += 1)
    names.push(await subscribe(rig, `bench.idle.t${index % 10}`, receiver.url, `-${index}`));
  await delay(5_000);
  const [cpuBefore, statementsBefore] = [rig.cpuMs(), await statements(rig)];
  await delay(idleSeconds * 1000);
  const cpu = (rig.cpuMs() - cpuBefore) / 1000 / idleSeconds;
  const perSecond = ((await statements(rig)) - statementsBefore) / idleSeconds;
  for (const name of names) await rig.api('DELETE', `/v1/subscriptions/${name}`);
  report(
    '1,000 idle subscriptions',
    { cpuPercentOfACore: round(100 * cpu, 1), statementsPerSecond: round(perSecond, 1) },
    '< 2% of a core, < 20 statements/s',
  );
}

/** Transactions of the database: one for each statement outside of a block, so at most a little less than statements. */
async function statements(rig) {
  await rig.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await rig.pool.query(
    'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0].count);
}

async function subscribe(rig, topic, url, suffix = '', concurrency = 128) {
  const name = `${topic}${suffix}`;
  await rig.api('PUT', `/v1/subscriptions/${name}`, { topics: [topic], url, concurrency });
  return name;
}
