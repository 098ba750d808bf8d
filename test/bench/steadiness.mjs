// Whether the bus keeps its pace: with a backlog, beside bad neighbours, while a snapshot is held open, and with nothing to
// do. Every figure is a ratio of two runs, or a bound. Sizes come from the environment, so that a long form is possible.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { report } from './report.mjs';
import { cpuUs, orderEvent, percentile, rate, round, until } from './rig.mjs';

const size = (name, fallback) => Number(process.env[name] ?? fallback);
/** Events that wait; published while the subscription is paused. */
const waiting = size('BENCH_WAITING', 1_000_000);
/** Events of a run that others are compared with. */
const baselineEvents = size('BENCH_BASELINE', 40_000);
/** Seconds that the snapshot is held; 600 in the long form. */
const snapshotSeconds = size('BENCH_SNAPSHOT_SECONDS', 45);
const neighbourSeconds = size('BENCH_NEIGHBOUR_SECONDS', 15);
const idleSeconds = size('BENCH_IDLE_SECONDS', 30);

/** Publishes a second, where it is measured what publishers feel, and for how long with nothing waiting. */
const calmRate = size('BENCH_CALM_RATE', 100);
const calmSeconds = size('BENCH_CALM_SECONDS', 20);

const event = orderEvent(1);
const sorted = (values) => values.toSorted((a, b) => a - b);

/**
 * Drains of a million waiting events against pushing what is published in the same moment, and what publishers feel: at
 * the same moderate rate with nothing waiting and beside the drain, since callers who publish all at once wait for each
 * other, and hide what the drain costs.
 */
export async function backlog({ rig, receiver, bus }) {
  const topic = 'bench.backlog';
  const name = await subscribe(rig, topic, receiver.url);
  const publish = (count) => rate(count, 1_000, () => bus.publish(topic, event));
  const drained = (count) =>
    until(async () => (await receiver.ask('count')).count >= count, `${count} deliveries`, 900_000);
  await publish(baselineEvents / 4);
  await drained(baselineEvents / 4);

  await receiver.ask('reset');
  const none = await secondsOf(async () => {
    await publish(baselineEvents);
    await drained(baselineEvents);
  });
  const calm = await publishingBeside(rig, () => delay(calmSeconds * 1000));
  await rig.api('POST', `/v1/subscriptions/${name}/pause`);
  await publish(waiting);
  await receiver.ask('reset');
  let some = 0;
  const beside = await publishingBeside(rig, async () => {
    some = await secondsOf(async () => {
      await rig.api('POST', `/v1/subscriptions/${name}/resume`);
      await drained(waiting);
    });
  });
  await rig.api('DELETE', `/v1/subscriptions/${name}`);
  reportDrain({ none: baselineEvents / none, waiting: waiting / some });
  reportPublishing(calm, beside);
}

function reportDrain(rates) {
  report(
    `drain of ${waiting} waiting events`,
    {
      perSecond: round(rates.waiting),
      noneWaiting: round(rates.none),
      ratio: round(rates.waiting / rates.none, 2),
    },
    { ratio: '>= 0.9' },
  );
}

function reportPublishing(calm, beside) {
  report(
    `publishing at ${calmRate}/s beside that drain`,
    {
      publishes: beside.publishes,
      p50Ms: round(beside.p50, 1),
      p50NoneMs: round(calm.p50, 1),
      p50Ratio: round(beside.p50 / calm.p50, 2),
      p99Ms: round(beside.p99, 1),
      p99NoneMs: round(calm.p99, 1),
      p99Ratio: round(beside.p99 / calm.p99, 2),
    },
    { p50Ratio: '<= 1.5' },
  );
}

async function secondsOf(work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Publishes at a steady pace until the work is done, whether or not answers are late, and says how long they took. */
async function publishingBeside(rig, work) {
  const waits = [];
  const open = new Set();
  const one = async () => {
    const began = performance.now();
    await rig.api('POST', '/v1/topics/bench.paced/events', event);
    waits.push(performance.now() - began);
  };
  const state = { isOver: false };
  const pace = (async () => {
    const began = performance.now();
    for (let sent = 0; !state.isOver; sent += 1) {
      const asked = one().finally(() => open.delete(asked));
      open.add(asked);
      await delay(Math.max(0, began + ((sent + 1) * 1000) / calmRate - performance.now()));
    }
  })();
  await work();
  state.isOver = true;
  await pace;
  await Promise.all(open);
  const times = sorted(waits);
  return { publishes: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** 100 subscriptions of one topic, then two of them bad: what the others feel of it. */
export async function neighbours({ rig, receiver, bus }) {
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
    { ratio: '<= 1.25' },
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
export async function snapshot({ rig, receiver, bus }) {
  const topic = 'bench.snapshot';
  const name = await subscribe(rig, topic, receiver.url);
  const push = async () => {
    await receiver.ask('reset');
    const [began, cpu] = [performance.now(), cpuUs(rig)];
    await rate(baselineEvents, 1_000, () => bus.publish(topic, event));
    await until(async () => (await receiver.ask('count')).count >= baselineEvents, 'all deliveries');
    const seconds = (performance.now() - began) / 1000;
    return { seconds, databaseCpuUs: cpuUs(rig, cpu, baselineEvents).databaseCpuUs };
  };
  await push();
  const before = [await push(), await push(), await push()];
  const holder = await rig.pool.connect();
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from streams');
  const end = performance.now() + snapshotSeconds * 1000;
  const held = [];
  while (performance.now() < end || held.length < 3) held.push(await push());
  await holder.query('rollback');
  holder.release();
  const after = [await push(), await push(), await push()];
  await rig.api('DELETE', `/v1/subscriptions/${name}`);
  // The runs before and after, since a shared machine changes its mind in between.
  const without = [...before, ...after];
  const [last, others] = [rateOf(held.slice(-3)), rateOf(without)];
  report(
    `pushing while a snapshot is held for ${snapshotSeconds} s`,
    {
      perSecond: round(last),
      without: round(others),
      ratio: round(last / others, 2),
      databaseCpuUs: round(mean(held.slice(-3).map(({ databaseCpuUs }) => databaseCpuUs)), 1),
      databaseCpuUsWithout: round(mean(without.map(({ databaseCpuUs }) => databaseCpuUs)), 1),
    },
    { ratio: '>= 0.9' },
  );
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const rateOf = (runs) => baselineEvents / mean(runs.map(({ seconds }) => seconds));

/** 1,000 subscriptions with nothing to deliver: what the broker and its Postgres cost together. */
export async function idle({ rig, receiver }) {
  const names = [];
  for (let index = 0; index < 1_000; index += 1)
    names.push(await subscribe(rig, `bench.idle.t${index % 10}`, receiver.url, `-${index}`));
  // Until what making them has left behind is collected: in the first half minute that costs as much as all the rest.
  await delay(60_000);
  const reading = async () => ({
    statements: await statements(rig),
    broker: rig.cpuMs(),
    database: rig.databaseCpuMs(),
  });
  const before = await reading();
  await delay(idleSeconds * 1000);
  const after = await reading();
  for (const name of names) await rig.api('DELETE', `/v1/subscriptions/${name}`);
  const perSecond = (of) => (after[of] - before[of]) / idleSeconds;
  const percent = (ms) => round(ms / 10, 2);
  const [brokerMs, databaseMs] = [perSecond('broker'), perSecond('database')];
  report(
    '1,000 idle subscriptions',
    {
      cpuPercentOfACore: percent(brokerMs + databaseMs),
      ofTheBroker: percent(brokerMs),
      ofPostgres: percent(databaseMs),
      statementsPerSecond: round(perSecond('statements'), 1),
    },
    { cpuPercentOfACore: '< 2', statementsPerSecond: '< 20' },
  );
}

/** What a change of the control plane costs when there are many subscriptions, against when there are few. */
export async function changes({ rig, receiver }) {
  const topicOf = (index) => `bench.changes.t${index % 10}`;
  const measured = async (work) => {
    const [began, cpu] = [performance.now(), rig.cpuMs()];
    await work();
    return { seconds: (performance.now() - began) / 1000, cpuMs: rig.cpuMs() - cpu };
  };
  const names = [];
  const hundred = async () => {
    for (let index = 0; index < 100; index += 1)
      names.push(await subscribe(rig, topicOf(index), receiver.url, `-${names.length}`));
  };
  await hundred();
  const parts = [];
  for (let part = 0; part < 9; part += 1) parts.push(await measured(hundred));
  const [first, last] = [parts.at(0), parts.at(-1)];
  const subscriptions = Array.from({ length: 200 }, (_, index) => {
    return { name: `bench.changes.service-${index}`, topics: [topicOf(index)], url: receiver.url };
  });
  const service = await measured(() => rig.api('PUT', '/v1/services/bench.changes', { subscriptions }));
  await rig.api('PUT', '/v1/services/bench.changes', { subscriptions: [] });
  for (const name of names) await rig.api('DELETE', `/v1/subscriptions/${name}`);
  report(
    '1,000 subscriptions made one by one, and a service with 200',
    {
      brokerCpuMs: round(last.cpuMs / 100, 1),
      brokerCpuMsAmongFew: round(first.cpuMs / 100, 1),
      ratio: round(last.cpuMs / first.cpuMs, 2),
      perSecond: round(100 / last.seconds),
      serviceSeconds: round(service.seconds, 1),
    },
    { ratio: '<= 1.5' },
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
