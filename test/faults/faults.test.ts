import { Chance, newSeed } from '../simulation/chance.js';
import { Cluster } from './cluster.js';
import { Round } from './round.js';
import { acts, always, scenarios, sometimes } from './scenarios.js';

/** Set by `npm run faults`. */
const { FAULTS_SEED, FAULTS_MINUTES, FAULTS_ONLY } = process.env;
const seed = FAULTS_SEED === undefined ? newSeed() : Number(FAULTS_SEED);
const minutes = Number(FAULTS_MINUTES ?? 0);
const chance = new Chance(seed);

let cluster: Cluster;
beforeAll(async () => {
  console.log(`faults: seed ${seed}; npm run faults -- --seed ${seed} --minutes ${minutes} plays the same`);
  cluster = await Cluster.start();
}, 300_000);
afterAll(async () => cluster?.stop(), 120_000);

/** One or several scenarios at the same time. */
class Act {
  private readonly rounds: readonly { name: string; round: Round }[];

  constructor(names: readonly string[], actSeed: number) {
    this.rounds = names.map((name) => {
      const scenario = scenarios[name];
      if (!scenario) throw new Error(`There is no scenario ${name}, but ${Object.keys(scenarios).join(', ')}`);
      return { name, round: new Round(cluster, name, scenario, actSeed) };
    });
  }

  async doHarm(): Promise<void> {
    await this.each(async (round) => round.doHarm());
  }

  async judge(): Promise<void> {
    await this.each(async (round) => round.judge());
  }

  private async each(work: (round: Round) => Promise<void>): Promise<void> {
    const ends = await Promise.allSettled(
      this.rounds.map(async ({ name, round }) => {
        try {
          await work(round);
        } catch (error) {
          const pending = await cluster.whatIsPending(round.topic);
          throw new Error(`${name} of seed ${seed}\n${pending}\n${cluster.logs()}`, { cause: error });
        }
      }),
    );
    // Only then: a failure of one must not take the cluster away from the others.
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}

/** All acts, shuffled, and again, until the time is over. */
async function playFor(names: readonly string[]): Promise<void> {
  const end = performance.now() + minutes * 60_000;
  let rounds = 0;
  while (performance.now() < end) {
    const deck = acts(names);
    while (deck.length > 0 && performance.now() < end) {
      const [next = []] = deck.splice(chance.int(0, deck.length - 1), 1);
      rounds += next.length;
      const act = new Act(next, seed + rounds);
      await act.doHarm();
      await act.judge();
    }
  }
  console.log(`faults: ${rounds} rounds of seed ${seed}`);
}

const wanted = FAULTS_ONLY?.split(',');
const timeout = minutes * 60_000 + 600_000;

test.runIf(minutes > 0)(`${minutes} minutes of faults: nothing is lost, invented or changed`, { timeout }, async () =>
  playFor(wanted ?? Object.keys(scenarios)),
);

const chosen = () => [...always, ...Object.values(sometimes).map((names) => chance.pick(names))];
const short = minutes > 0 ? [] : acts(wanted ?? chosen());
/** What waits for its last deliveries while the next is played. */
const judgements = new Map<string, Promise<void>>();
const titleOf = (names: readonly string[]) => names.join(', ');
const isApart = (name: string) => scenarios[name]?.isApart === true;

test.each(short.map((names) => [titleOf(names), names] as const))('harm: %s', { timeout }, async (title, names) => {
  if (names.some(isApart)) await Promise.allSettled(judgements.values());
  const act = new Act(names, seed);
  await act.doHarm();
  const judgement = act.judge();
  // Its own test tells of it.
  judgement.catch(() => {});
  judgements.set(title, judgement);
});

test.each(short.map(titleOf))(
  '%s: nothing is lost, invented or changed, and duplicates stay within their bound',
  { timeout },
  async (title) => {
    const judgement = judgements.get(title);
    if (!judgement) throw new Error('The harm could not be done');
    await judgement;
  },
);

test('every name is that of a scenario', () => {
  const names = [...always, ...Object.values(sometimes).flat()];
  expect(names.filter((name) => !(name in scenarios))).toEqual([]);
});
