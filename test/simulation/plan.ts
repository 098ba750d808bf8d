import type { DeliverySubscription } from '@hookcast/delivery';
import { Chance } from './chance.js';
import { troubles, type Temper } from './simulated-hooks.js';

export type Fault = { at: number } & (
  | { kind: 'crash' | 'stop' | 'freeze' | 'cut-off'; place: number; forMs: number }
  | { kind: 'away' | 'lost-answers' | 'late-statements'; forMs: number }
  | { kind: 'pause'; subscription: number; forMs: number }
  | { kind: 'delete' | 'replay'; subscription: number }
  /**
   * To this share of the way from the begin of each stream to its head, as it was found so many milliseconds before the
   * cursors were locked and moved.
   */
  | { kind: 'seek'; subscription: number; share: number; forMs?: number }
  | { kind: 'join' }
);

type Optional = 'ordering' | 'batch' | 'rateLimit' | 'neverAnswered';

export interface PlannedSubscription extends Partial<Pick<DeliverySubscription, Optional>> {
  host: string;
  concurrency: number;
  schedule: number[];
}

/** All that makes a history: it follows from a seed, and can be made smaller to see what matters. Times in milliseconds. */
export interface Plan {
  seed: number;
  lastsMs: number;
  partitions: number;
  workers: number;
  slots: number;
  maxUnsettled: number;
  subscriptions: PlannedSubscription[];
  temper: Temper;
  events: { at: number; partition: number; key?: string }[];
  faults: Fault[];
}

/** Those that change most come more often. */
const kinds: readonly Fault['kind'][] = [
  'crash',
  'crash',
  'crash',
  'stop',
  'freeze',
  'freeze',
  'cut-off',
  'away',
  'lost-answers',
  'lost-answers',
  'late-statements',
  'late-statements',
  'pause',
  'delete',
  'seek',
  'replay',
  'join',
];

export function planOf(seed: number): Plan {
  // Another line of numbers than the one that plays the plan.
  const chance = new Chance(seed ^ 0x5eed);
  const lastsMs = chance.int(1_000, chance.pick([3_000, 15_000, 30_000]));
  const partitions = chance.int(1, 3);
  const workers = chance.int(1, 3);
  const subscriptions = Array.from({ length: chance.int(1, 3) }, (_, index) => ({
    // No draw, so that every seed stays the history that it was.
    neverAnswered: (seed + index) % 3 === 0,
    host: chance.pick(['a.test', 'b.test']),
    concurrency: chance.int(1, 8),
    schedule: chance.pick([[1], [1, 2], [1, 5, 3], [0.5, 0.5, 0.5, 0.5]]),
    ordering: chance.pick(['none', 'none', 'key', 'strict'] as const),
    batch: chance.happens(0.3) ? { maxEvents: chance.pick([2, 5, 20]), maxBytes: 1_048_576 } : null,
    rateLimit: chance.happens(0.2) ? chance.pick([5, 20]) : null,
  }));
  return {
    seed,
    lastsMs,
    partitions,
    workers,
    slots: chance.pick([4, 16, 64]),
    maxUnsettled: chance.pick([8, 32, 1_024]),
    subscriptions,
    temper: {
      trouble: chance.pick([0, 0.1, 0.3, 0.6]),
      ways: troubles.filter(() => chance.happens(0.6)).concat('error'),
    },
    events: Array.from({ length: chance.int(3, chance.pick([10, 30, 80])) }, () => ({
      at: chance.happens(0.3) ? 0 : chance.int(0, lastsMs),
      partition: chance.int(0, partitions - 1),
      ...(chance.happens(0.7) && { key: chance.pick(['a', 'b', 'c']) }),
    })),
    faults: Array.from({ length: chance.int(0, 6) }, () => faultOf(chance, { lastsMs, workers, subscriptions })),
  };
}

function faultOf(
  chance: Chance,
  { lastsMs, workers, subscriptions }: { lastsMs: number; workers: number; subscriptions: readonly unknown[] },
): Fault {
  const kind = chance.pick(kinds);
  const at = chance.int(0, lastsMs);
  const forMs = chance.happens(0.5) ? chance.int(10, 3_000) : chance.int(3_000, 25_000);
  const place = chance.int(0, workers - 1);
  const subscription = chance.int(0, subscriptions.length - 1);
  switch (kind) {
    case 'crash':
    case 'stop':
    case 'freeze':
    case 'cut-off':
      return { at, kind, place, forMs };
    case 'away':
    case 'lost-answers':
    case 'late-statements':
      return { at, kind, forMs };
    case 'pause':
      return { at, kind, subscription, forMs };
    case 'delete':
    case 'replay':
      return { at, kind, subscription };
    case 'seek':
      return {
        at,
        kind,
        subscription,
        share: chance.pick([0, 0.3, 0.7, 1]),
        forMs: Math.min(forMs, 4_000, lastsMs - at),
      };
    case 'join':
      return { at, kind };
  }
}
