import { setTimeout as pause } from 'node:timers/promises';
import { eventHarm } from './event-harm.js';
import { databaseHarm } from './database-harm.js';
import { hookHarm } from './hook-harm.js';
import { outageHarm } from './outage-harm.js';
import { processHarm } from './process-harm.js';
import { scaleHarm } from './scale-harm.js';
import type { Scenario } from './stage.js';

export const scenarios: Record<string, Scenario> = {
  nothing: { isCalm: true, isGentle: true, act: async () => pause(1_000) },
  ...processHarm,
  ...databaseHarm,
  ...outageHarm,
  ...hookHarm,
  ...eventHarm,
  ...scaleHarm,
};

/** The short form plays all of these ... */
export const always: readonly string[] = [
  'kill-at-random',
  'freeze-worker',
  'crash-database',
  'kill-backend',
  'disturb-worker',
  'lose-commit-answers',
  'bad-hooks',
  'same-id-twice',
  'pause-and-delete',
  'change-subscription',
  'single-bytes',
  'extreme-events',
  'nothing',
];
/** ... and one of each of these kinds. */
export const sometimes: Record<string, readonly string[]> = {
  'workers that are gone': [
    'kill-worker-elsewhere',
    'part-worker',
    'kill-its-worker',
    'leave-and-join',
    'freeze-database',
  ],
  'an outage': ['end-backends', 'use-up-connections', 'fail-over', 'fail-over-behind', 'slow-database'],
  'a small harm': ['disturb-api', 'freeze-api', 'lose-settle-answers', 'kill-hooks'],
};

/** What is played at the same time: those that do no harm to others all at once, each of the others by itself. */
export function acts(names: readonly string[]): string[][] {
  const isCalm = (name: string) => scenarios[name]?.isCalm === true;
  const calm = names.filter(isCalm);
  return [...names.filter((name) => !isCalm(name)).map((name) => [name]), ...(calm.length > 0 ? [calm] : [])];
}
