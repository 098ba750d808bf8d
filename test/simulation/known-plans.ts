import type { Plan } from './plan.js';

/** Histories that once went wrong, made as small as they could be, by what went wrong in them. */
export const knownPlans: Record<string, Plan> = {
  'a worker that was stopped for long sent to a subscription that was deleted meanwhile': {
    seed: 1_016_361_131,
    lastsMs: 8_874,
    partitions: 1,
    workers: 1,
    slots: 4,
    maxUnsettled: 1_024,
    subscriptions: [
      { host: 'a.test', concurrency: 2, schedule: [1, 2] },
      { host: 'a.test', concurrency: 5, schedule: [1] },
    ],
    temper: { trouble: 0.6, ways: ['error', 'busy', 'reset', 'error'] },
    events: [0, 1_887, 3_443, 5_146, 3_700, 4_060, 8_685, 7_945, 3_870].map((at) => ({ at, partition: 0 })),
    faults: [
      { at: 6_060, kind: 'delete', subscription: 1 },
      { at: 1_586, kind: 'freeze', place: 0, forMs: 19_553 },
    ],
  },
  'results from before a worker lost and regained a stream were written with those from after': {
    seed: 102_511,
    lastsMs: 26_388,
    partitions: 1,
    workers: 3,
    slots: 4,
    maxUnsettled: 1_024,
    subscriptions: [
      { host: 'a.test', concurrency: 2, schedule: [1] },
      { host: 'a.test', concurrency: 4, schedule: [1, 5, 3] },
    ],
    temper: { trouble: 0.1, ways: ['error', 'error'] },
    events: [0, 0, 0, 10_845, 0, 20_885, 1_125, 0, 12_911, 0, 0].map((at) => ({ at, partition: 0 })),
    faults: [
      { at: 2_237, kind: 'away', forMs: 22_399 },
      { at: 9_014, kind: 'freeze', place: 0, forMs: 22_371 },
      { at: 3_959, kind: 'stop', place: 2, forMs: 13_521 },
      { at: 21_871, kind: 'cut-off', place: 0, forMs: 1_797 },
    ],
  },
};
