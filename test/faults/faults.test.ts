import { Chance, newSeed } from '../simulation/chance.js';
import { until } from '../support/until.js';
import { check, type Report } from './checker.js';
import { Cluster } from './cluster.js';
import { Load } from './load.js';
import { scenarios, type Scenario, type Stage } from './scenarios.js';

/** Set by `npm run faults`. */
const { FAULTS_SEED, FAULTS_MINUTES, FAULTS_ONLY } = process.env;
const seed = FAULTS_SEED === undefined ? newSeed() : Number(FAULTS_SEED);
const only = FAULTS_ONLY?.split(',');
const wanted = Object.entries(scenarios).filter(([name]) => only?.includes(name) ?? true);

/** Of a worker that is lost: the windows of its two hooks, and at most as many results as wait for one settle. */
const duplicatesPerTakeover = 2 * 16 + 200;

let cluster: Cluster;
let rounds = 0;
beforeAll(async () => {
  console.log(`faults: seed ${seed}`);
  cluster = await Cluster.start({ apis: 2, workers: 3 });
}, 180_000);
afterAll(async () => cluster?.stop(), 60_000);

/** One round: publishes, does harm, heals, waits until all is delivered, and holds it against what was published. */
async function play(name: string, scenario: Scenario, chance: Chance): Promise<void> {
  rounds += 1;
  const topic = `faults.${name}.${rounds}`;
  const subscriptions = [`${name}-${rounds}-steady`, `${name}-${rounds}-flaky`];
  await cluster.subscribe(subscriptions[0] ?? '', topic, 'ok');
  const ordering = scenario.isOrdered === true ? 'key' : 'none';
  await cluster.subscribe(subscriptions[1] ?? '', topic, 'flaky', {
    ordering,
    retry: { schedule: [1, 1, 1], jitter: 0 },
  });
  const load = new Load(cluster, topic);
  const stage: Stage = { cluster, chance, load, topic, measured: {} };
  await until(() => load.acknowledged > 20, { timeoutMs: 30_000, what: 'the first events to be acknowledged' });
  await scenario.act(stage);
  await cluster.heal();
  const attempted = await load.stop();
  const healedAt = performance.now();
  await until(async () => (await cluster.pending(topic)) === 0, {
    timeoutMs: scenario.recoveryMs ?? 20_000,
    what: `everything of ${topic} to be settled`,
  });
  stage.measured['recoveryMs'] = Math.round(performance.now() - healedAt);
  for (const subscription of subscriptions) {
    const report = check(attempted, cluster.receiver.received(subscription), await cluster.deadLetters(subscription));
    print(name, report, stage.measured);
    expect(report).toMatchObject({ lost: [], unexpected: [], corrupted: [], unverified: [] });
    expect(report.duplicated).toBeLessThanOrEqual((scenario.takeovers ?? 0) * duplicatesPerTakeover);
    if (scenario.isOrdered === true && subscription.endsWith('flaky')) expect(report.disordered).toEqual([]);
    await cluster.api('DELETE', `/v1/subscriptions/${subscription}`);
  }
}

function print(name: string, report: Report, measured: Stage['measured']): void {
  const { attempted, acknowledged, delivered, lost, unexpected, duplicated, recovered } = report;
  const figures = {
    attempted,
    acknowledged,
    delivered,
    lost: lost.length,
    unexpected: unexpected.length,
    duplicated,
    recovered,
  };
  console.log(name.padEnd(20), JSON.stringify({ ...figures, ...measured }));
}

/** One round after the other, drawn by chance, until the time is over. */
async function playFor(minutes: number, chance: Chance): Promise<void> {
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    const [name, scenario] = chance.pick(wanted);
    try {
      await play(name, scenario, chance);
    } catch (error) {
      throw new Error(`round ${rounds} (${name}) of seed ${seed}\n${cluster.logs()}`, { cause: error });
    }
  }
}

const minutes = Number(FAULTS_MINUTES ?? 0);
const plays: [string, (chance: Chance) => Promise<void>][] =
  minutes > 0
    ? [[`${minutes} minutes of faults`, async (chance) => playFor(minutes, chance)]]
    : wanted.map(([name, scenario]) => [name, async (chance) => play(name, scenario, chance)]);

test.each(plays)(
  '%s: nothing is lost, invented or changed, and duplicates stay within their bound',
  async (_name, under) => {
    await under(new Chance(seed));
  },
  minutes * 60_000 + 120_000,
);
