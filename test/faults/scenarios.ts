import { setTimeout as pause } from 'node:timers/promises';
import { eventHarm } from './event-harm.js';
import { databaseHarm } from './database-harm.js';
import { hookHarm } from './hook-harm.js';
import { outageHarm } from './outage-harm.js';
import { processHarm } from './process-harm.js';
import { scaleHarm } from './scale-harm.js';
import type { Scenario } from './stage.js';

export const scenarios: Record<string, Scenario> = {
  nothing: { isCalm: true, act: async () => pause(1_000) },
  ...processHarm,
  ...databaseHarm,
  ...outageHarm,
  ...hookHarm,
  ...eventHarm,
  ...scaleHarm,
};

/** Each kind of fault, and the scenarios that show it. The short form plays one of each kind. */
export const kinds: Record<string, readonly string[]> = {
  'kill -9 at random, order per key': ['kill-at-random', 'kill-its-worker'],
  'silent processes': ['kill-worker-elsewhere', 'freeze-worker', 'part-worker', 'freeze-database'],
  database: ['crash-database', 'kill-backend', 'end-backends', 'use-up-connections', 'fail-over', 'fail-over-behind'],
  network: ['disturb-api', 'disturb-worker', 'freeze-api', 'slow-database'],
  'unknown outcomes': ['lose-commit-answers', 'lose-settle-answers'],
  'workers that come and go': ['leave-and-join'],
  'hooks that misbehave': ['bad-hooks'],
  'one id from two': ['same-id-twice'],
  'pause and deletion': ['pause-and-delete'],
  'changed subscriptions': ['change-subscription'],
  'requests in single bytes': ['single-bytes'],
  'events at their bounds': ['extreme-events'],
  none: ['nothing'],
};

/** What is played at the same time: those that do no harm to others all at once, each of the others by itself. */
export function acts(names: readonly string[]): string[][] {
  const isCalm = (name: string) => scenarios[name]?.isCalm === true;
  const calm = names.filter(isCalm);
  return [...names.filter((name) => !isCalm(name)).map((name) => [name]), ...(calm.length > 0 ? [calm] : [])];
}
