import type { Chance } from '../simulation/chance.js';
import { until } from '../support/until.js';
import type { Attempted } from './checker.js';
import type { Cluster, Harm } from './cluster.js';
import type { Load } from './load.js';
import type { Node } from './node.js';
import type { Manner } from './receiver.js';

/** What a scenario may do things to, and where it says what it measured. */
export interface Stage {
  cluster: Cluster;
  chance: Chance;
  load: Load;
  /** Names what this round publishes and subscribes. */
  topic: string;
  /** For the printed row: milliseconds or counts, by name. */
  measured: Record<string, number>;
  /** A further hook of the topic; what it gets is held against what is published from now on. */
  subscribe(name: string, manner: Manner, settings?: Record<string, unknown>): Promise<string>;
  /** Notes whose delivery the database knows of: these may not be sent again, whatever happens from here on. */
  note(): Promise<void>;
}

export interface Scenario extends Partial<Harm> {
  /** Does harm while events are published, and undoes it. */
  act(stage: Stage): Promise<void>;
  /** Begins only when all that was published before is settled: it undoes what the database knew, or measures. */
  isApart?: boolean;
  /** Does no harm to others: may be played beside others of this sort. */
  isCalm?: boolean;
  /** It is about single events or hooks, and no flood: leaves the machine to those that are played beside it. */
  isGentle?: boolean;
  /** The hook that fails now and then asks for events of one key in their order; otherwise it does in half of the rounds. */
  isOrdered?: boolean;
}

/** The promise: after a kill -9, every stream has a living owner again within this time. */
const takeoverBoundMs = 10_000;

/** How long anything is waited for. No promise: a machine that is busy with other things needs its time. */
export const patienceMs = 120_000;

export async function ms(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return Math.round(performance.now() - began);
}

/** One whose end means something: it owns streams of this round. */
export async function owningWorker(
  { cluster, chance, topic }: Stage,
  isWanted: (worker: Node) => boolean = () => true,
): Promise<Node> {
  const owning = await until(
    async () => {
      const owners = await cluster.owners(topic);
      const found = cluster.workers.filter((worker) => owners.includes(worker.pid) && isWanted(worker));
      return found.length > 0 && found;
    },
    { timeoutMs: patienceMs, what: 'a worker to own streams of the topic' },
  );
  return chance.pick(owning);
}

/**
 * Measures how long streams are in nobody's living hands, and holds it against the promise. On a machine that keeps the
 * living from giving their own signs of life in time, the promise is late by as much, to notice and to act.
 */
export async function takeover({ cluster, measured }: Stage, without: number): Promise<void> {
  let latest = 0;
  const takeoverMs = await ms(async () =>
    until(
      async () => {
        latest = Math.max(latest, await cluster.lateness([without]));
        const owners = await cluster.owners();
        return owners.every((pid) => pid > 0 && pid !== without);
      },
      { timeoutMs: patienceMs, what: 'every stream to have a living owner' },
    ),
  );
  measured['takeoverMs'] = Math.max(measured['takeoverMs'] ?? 0, takeoverMs);
  measured['latenessMs'] = Math.round(Math.max(measured['latenessMs'] ?? 0, latest));
  expect(takeoverMs).toBeLessThanOrEqual(takeoverBoundMs + 2 * latest);
}

/** What is answered is in the database within this time, and later by as much as the machine keeps the living. */
const unwrittenMs = 2_000;

/** Does something that keeps results from being written. */
export async function harming(cluster: Cluster, work: () => Promise<unknown>): Promise<void> {
  await cluster.harming(unwrittenMs + 2 * (await cluster.lateness([])), work);
}

/** Kills a worker and waits until others have its streams. */
export async function killing(stage: Stage, worker: Node): Promise<void> {
  const { pid } = worker;
  await stage.note();
  const ended = harming(stage.cluster, async () => worker.end('SIGKILL'));
  await takeover(stage, pid);
  await ended;
}

/** Those of the events that were published after so many others. */
export const publishedAfter = (attempted: readonly Attempted[], count: number): Attempted[] =>
  // What came before may be delivered or not.
  attempted.map((event, index) => (index < count ? { ...event, isAcknowledged: false } : event));
