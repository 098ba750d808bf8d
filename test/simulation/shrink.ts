import { play, type Sabotage, type Verdict } from './history.js';
import type { Plan } from './plan.js';

/** Ways to leave something out of a plan, the largest parts first. */
function* smaller(plan: Plan): Generator<Plan> {
  for (let size = Math.ceil(plan.events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < plan.events.length; from += size)
      yield { ...plan, events: plan.events.toSpliced(from, size) };
  }
  for (const index of plan.faults.keys()) yield { ...plan, faults: plan.faults.toSpliced(index, 1) };
  if (plan.subscriptions.length > 1) yield { ...plan, subscriptions: plan.subscriptions.slice(0, -1) };
  if (plan.temper.trouble > 0) yield { ...plan, temper: { ...plan.temper, trouble: 0 } };
}

/** The smallest plan found that still goes wrong, and how. */
export async function shrink(plan: Plan, sabotage: Sabotage, tries = 300): Promise<{ plan: Plan; verdict: Verdict }> {
  let best = { plan, verdict: await play(plan, sabotage) };
  let left = tries;
  for (let isSmaller = true; isSmaller && left > 0;) {
    isSmaller = false;
    for (const candidate of smaller(best.plan)) {
      left -= 1;
      if (left <= 0) break;
      const verdict = await play(candidate, sabotage);
      if (verdict.violations.length === 0) continue;
      best = { plan: candidate, verdict };
      isSmaller = true;
      break;
    }
  }
  return best;
}
