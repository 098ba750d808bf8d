import { newSeed } from './chance.js';
import { play, type Sabotage } from './history.js';
import { planOf, type Plan } from './plan.js';
import { shrink } from './shrink.js';

/** `SIMULATION_SEED=4711 SIMULATION_HISTORIES=1 npm run simulate` plays one history again. */
const { SIMULATION_SEED: wishedSeed, SIMULATION_HISTORIES: histories = '3000' } = process.env;
const firstSeed = wishedSeed === undefined ? newSeed() : Number(wishedSeed);

/** The first history that goes wrong, if any does. */
export async function firstFailure(from: number, count: number, sabotage: Sabotage = {}): Promise<Plan | undefined> {
  for (let next = from; next < from + count; next += 1) {
    const plan = planOf(next);
    if ((await play(plan, sabotage)).violations.length > 0) return plan;
  }
  return undefined;
}

async function explain(plan: Plan): Promise<string> {
  const { plan: small, verdict } = await shrink(plan, {});
  return `seed ${plan.seed}: ${verdict.violations.join('; ')}\nsmallest plan: ${JSON.stringify(small)}`;
}

/** Plays a part of the histories that are wished for, from one share of them to another: files of tests run side by side. */
export function testHistories(fromShare: number, toShare: number): void {
  const [from, to] = [fromShare, toShare].map((share) => Math.ceil(Number(histories) * share)) as [number, number];
  const seed = firstSeed + from;
  const title = 'whatever fails and when: nothing is lost, doubled beyond the bound, early, late or stuck';
  test.runIf(to > from)(
    `${title} (${to - from} from seed ${seed})`,
    async () => {
      const began = performance.now();
      const failed = await firstFailure(seed, to - from);
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      console.log(`simulation: ${to - from} histories from seed ${seed} in ${seconds} s`);
      expect(failed === undefined ? '' : await explain(failed)).toBe('');
    },
    3_600_000,
  );
}
