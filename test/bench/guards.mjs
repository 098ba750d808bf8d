// `node test/bench/guards.mjs [publishes per round] [rounds]`: what two guards cost a publish of one event over HTTP. The
// quota of a key: two brokers, one with a quota that is never reached and one without. The row-level wall: one broker, the
// policies of its tables in force and switched off. Rounds alternate, so that a busy machine hits both alike; the median
// of the ratios counts.
import { cpus } from 'node:os';
import { tablesOfNamespaces } from '@hookcast/database';
import { Pool } from 'undici';
import { orderEvent, percentile, rate, round, startRig } from './rig.mjs';

const total = Number(process.argv[2] ?? 5_000);
const rounds = Number(process.argv[3] ?? 9);
const width = 64;
const body = JSON.stringify(orderEvent(1));

const limited = await contender({ HOOKCAST_KEY_REQUESTS_PER_SECOND: '10000000', HOOKCAST_KEY_BURST: '10000000' });
const free = await contender({ HOOKCAST_KEY_REQUESTS_PER_SECOND: '0' });
const tables = await tablesOfNamespaces(limited.rig.pool);

console.log(
  `${cpus().length} cores, Node ${process.version}, ${rounds} rounds of ${total} publishes, ${width} at a time`,
);
await compare('quota of a key', [limited.publish, free.publish]);
await compare('row-level wall, publishing', [walled(true, free.publish), walled(false, free.publish)]);
await compare('row-level wall, reading a topic', [walled(true, free.readTopic), walled(false, free.readTopic)]);
for (const { stop } of [limited, free]) await stop();

/** A broker, with a publisher that has a key of its own: the operator's has no quota. */
async function contender(settings) {
  const rig = await startRig(settings);
  const { key } = await rig.api('POST', '/v1/keys', { name: 'bench', scopes: ['publish:bench.*', 'read'] });
  const client = new Pool(rig.url, { connections: width });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const send = async (request, expected) => {
    const response = await client.request({ headers, ...request });
    if (response.statusCode !== expected) throw new Error(`${request.path} answered ${response.statusCode}`);
    await response.body.dump();
  };
  const publish = { method: 'POST', path: '/v1/topics/bench.guards/events', body };
  const stop = async () => {
    await client.close();
    await rig.stop();
  };
  return {
    rig,
    stop,
    publish: async () => measured(rig, total, async () => send(publish, 201)),
    // Through confined transactions, and so slower.
    readTopic: async () =>
      measured(rig, total / 10, async () => send({ method: 'GET', path: '/v1/topics/bench.guards' }, 200)),
  };
}

/** The work with the policies on, or off, in the database of the broker without a quota. */
function walled(isUp, work) {
  return async () => {
    const verb = isUp ? 'enable' : 'disable';
    for (const table of tables) await free.rig.pool.query(`alter table ${table} ${verb} row level security`);
    return work();
  };
}

async function measured(rig, count, work) {
  const [broker, database] = [rig.cpuMs(), rig.databaseCpuMs()];
  const perSecond = await rate(count, width, work);
  return {
    perSecond,
    brokerCpuUs: ((rig.cpuMs() - broker) * 1000) / count,
    databaseCpuUs: ((rig.databaseCpuMs() - database) * 1000) / count,
  };
}

async function compare(name, [guarded, bare]) {
  await guarded();
  await bare();
  const pairs = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    const first = turn % 2 === 0 ? guarded : bare;
    const one = await first();
    const other = await (first === guarded ? bare : guarded)();
    pairs.push(first === guarded ? [one, other] : [other, one]);
  }
  const figures = Object.fromEntries(
    ['perSecond', 'brokerCpuUs', 'databaseCpuUs'].map((figure) => [
      figure,
      {
        guarded: median(pairs.map(([one]) => one[figure])),
        bare: median(pairs.map(([, one]) => one[figure])),
        ratio: median(pairs.map(([one, two]) => one[figure] / two[figure])),
      },
    ]),
  );
  console.log(`${name}: ${JSON.stringify(figures)}`);
}

function median(values) {
  const middle = percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
  return round(middle, middle < 10 ? 3 : 0);
}
