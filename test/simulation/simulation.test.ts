import { testHistories } from './explore.js';
import { play } from './history.js';
import { knownPlans } from './known-plans.js';
import { planOf } from './plan.js';

test('a history follows from its seed', async () => {
  expect(await play(planOf(37))).toEqual(await play(planOf(37)));
});

test.each(Object.entries(knownPlans))('once: %s', async (_name, plan) => {
  expect((await play(plan)).violations).toEqual([]);
});

testHistories(0, 0.6);
