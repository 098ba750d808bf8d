import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { adminKey } from '../support/broker.js';
import { until } from '../support/until.js';
import type { Chance } from '../simulation/chance.js';
import type { Cluster, Node } from './cluster.js';
import type { Load } from './load.js';

/** What a scenario may do things to, and where it says what it measured. */
export interface Stage {
  cluster: Cluster;
  chance: Chance;
  load: Load;
  /** Names what this round publishes and subscribes. */
  topic: string;
  /** For the printed row: milliseconds or counts, by name. */
  measured: Record<string, number>;
}

export interface Scenario {
  /** Does harm while events are published, and undoes it. */
  act(stage: Stage): Promise<void>;
  /** Workers whose results may be lost, each of which may send again what it had in flight or unsettled. */
  takeovers?: number;
  /** Time in which everything has to be delivered once the harm is undone. */
  recoveryMs?: number;
  /** The hook that fails now and then asks for events of one key in their order. */
  isOrdered?: boolean;
}

/** Silence after which others take over, what it takes to notice, and room for a busy machine. */
const takeoverMs = 10_000;

async function ms(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return Math.round(performance.now() - began);
}

const someOf = <T>(chance: Chance, nodes: readonly T[]): T => chance.pick(nodes);

/** One whose end means something: it owns streams. */
async function owningWorker({ cluster, chance }: Stage): Promise<Node> {
  const owners = await cluster.owners();
  const owning = cluster.workers.filter(({ pid }) => owners.includes(pid));
  return someOf(chance, owning.length > 0 ? owning : cluster.workers);
}

/** Until every stream is owned by a worker that runs. */
const allOwned = async (cluster: Cluster, without: readonly number[]) =>
  until(
    async () => {
      const owners = await cluster.owners();
      return owners.every((pid) => pid > 0 && !without.includes(pid));
    },
    { timeoutMs: 40_000, what: 'every stream to have a living owner' },
  );

/** Ends a worker and measures how long streams of its are in nobody's living hands. */
async function losing({ cluster, measured }: Stage, signal: 'SIGKILL' | 'SIGTERM', worker: Node): Promise<void> {
  const { pid } = worker;
  const ended = worker.end(signal);
  if (signal === 'SIGTERM') {
    // It finishes what is in flight before it gives its streams away.
    await until(async () => !(await cluster.owners()).includes(pid), {
      timeoutMs: 40_000,
      what: 'the streams to be free',
    });
  }
  measured[signal === 'SIGKILL' ? 'takeoverMs' : 'handOverMs'] = await ms(async () => allOwned(cluster, [pid]));
  await ended;
}

export const scenarios: Record<string, Scenario> = {
  nothing: { act: async () => pause(1_000) },

  'kill-worker': {
    takeovers: 1,
    act: async (stage) => {
      await pause(stage.chance.int(200, 800));
      const worker = await owningWorker(stage);
      await losing(stage, 'SIGKILL', worker);
      expect(stage.measured['takeoverMs']).toBeLessThanOrEqual(takeoverMs);
      await worker.start();
    },
  },

  'kill-worker-in-order': {
    takeovers: 2,
    isOrdered: true,
    recoveryMs: 30_000,
    act: async (stage) => {
      const { chance } = stage;
      for (let round = 0; round < 2; round += 1) {
        await pause(chance.int(300, 1_000));
        const worker = await owningWorker(stage);
        await losing(stage, 'SIGKILL', worker);
        await worker.start();
      }
    },
  },

  'kill-api': {
    act: async ({ cluster, chance }) => {
      const api = someOf(chance, cluster.apis);
      await pause(chance.int(200, 800));
      await api.end('SIGKILL');
      await api.start();
      await pause(300);
    },
  },

  'freeze-worker': {
    takeovers: 1,
    recoveryMs: 30_000,
    act: async (stage) => {
      const { cluster, measured } = stage;
      const worker = await owningWorker(stage);
      worker.signal('SIGSTOP');
      measured['takeoverMs'] = await ms(async () => allOwned(cluster, [worker.pid]));
      // It is silent from its last heartbeat on, and others look every two seconds.
      expect(measured['takeoverMs']).toBeLessThanOrEqual(takeoverMs + 2_500);
      worker.signal('SIGCONT');
      const lines = () => worker.log().split('\n');
      await until(() => lines().some((line) => line.includes('delivery.stream-lost')), {
        timeoutMs: 20_000,
        what: 'the stopped worker to notice that it has lost its streams',
      });
    },
  },

  'crash-database': {
    // The table of signs of life is unlogged and empties, so a slow worker may be taken for dead; each of the three once.
    takeovers: 3,
    recoveryMs: 60_000,
    act: async ({ cluster, chance, measured }) => {
      await pause(chance.int(200, 800));
      measured['databaseMs'] = await ms(async () => cluster.crashDatabase());
      await pause(500);
    },
  },

  'end-backends': {
    recoveryMs: 30_000,
    act: async ({ cluster, chance }) => {
      for (let round = 0; round < 3; round += 1) {
        await pause(chance.int(100, 400));
        await cluster.database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid() and random() < 0.5`,
        );
      }
    },
  },

  'cut-network': {
    recoveryMs: 30_000,
    act: async ({ cluster, chance }) => {
      for (const harm of ['cut', 'stall', 'cut'] as const) {
        cluster.proxy[harm]();
        await pause(chance.int(200, 700));
        cluster.proxy.mend();
        await pause(300);
      }
    },
  },

  'lose-commit-answers': {
    recoveryMs: 30_000,
    act: async ({ cluster, measured }) => {
      const before = cluster.proxy.lostCommits;
      for (let lost = 1; lost <= 5; lost += 1) {
        cluster.proxy.loseNextCommit();
        await until(() => cluster.proxy.lostCommits >= before + lost, {
          timeoutMs: 15_000,
          what: `lost answer ${lost}`,
        });
      }
      measured['lostAnswers'] = cluster.proxy.lostCommits - before;
    },
  },

  'same-id-twice': {
    act: async ({ cluster, topic, load, measured }) => {
      for (let round = 0; round < 20; round += 1) {
        const id = `${topic.replaceAll('.', '-')}-twin-${round}`;
        const body = `{"number":${round},"note":"published by two"}`;
        load.attempted.push({ id, sha: createHash('sha256').update(body).digest('hex'), isAcknowledged: true });
        const answers = await Promise.all(
          cluster.apis.map(async ({ url }) =>
            fetch(`${url}/v1/topics/${topic}/events`, {
              method: 'POST',
              headers: {
                authorization: `Bearer ${adminKey}`,
                'content-type': 'application/json',
                'idempotency-key': id,
              },
              body,
            }),
          ),
        );
        measured['refusals'] = (measured['refusals'] ?? 0) + answers.filter(({ ok }) => !ok).length;
      }
      expect(measured['refusals']).toBe(0);
    },
  },

  'bad-hooks': {
    recoveryMs: 30_000,
    act: async ({ cluster, topic, measured }) => {
      const before = Math.max(...cluster.workers.map(({ rssMb }) => rssMb));
      const settings = { timeoutMs: 1_000, concurrency: 4, retry: { schedule: [1], jitter: 0 } };
      for (const manner of ['hang', 'reset', 'drip', 'endless', 'bomb'] as const)
        await cluster.subscribe(`${topic}-${manner}`, topic, manner, settings);
      await pause(4_000);
      for (const manner of ['hang', 'reset', 'drip', 'endless', 'bomb'])
        await cluster.api('DELETE', `/v1/subscriptions/${topic}-${manner}`);
      measured['rssGrowthMb'] = Math.max(...cluster.workers.map(({ rssMb }) => rssMb)) - before;
      // Answers are cut at 64 KiB, 50 MiB of zeros never unpacked.
      expect(measured['rssGrowthMb']).toBeLessThan(150);
    },
  },

  'pause-and-delete': {
    act: async ({ cluster, topic, measured }) => {
      const timeoutMs = 1_000;
      for (const name of ['paused', 'deleted'])
        await cluster.subscribe(`${topic}-${name}`, topic, 'slow', { timeoutMs, concurrency: 8 });
      const heard = (name: string) => cluster.receiver.received(`${topic}-${name}`);
      await until(() => heard('paused').length > 10 && heard('deleted').length > 10, {
        timeoutMs: 15_000,
        what: 'the flood',
      });
      await cluster.api('POST', `/v1/subscriptions/${topic}-paused/pause`);
      await cluster.api('DELETE', `/v1/subscriptions/${topic}-deleted`);
      const answeredAt = Date.now();
      await pause(timeoutMs + 1_500);
      const late = ['paused', 'deleted'].flatMap(heard).filter(({ at }) => at > answeredAt);
      measured['lastMs'] = Math.max(0, ...late.map(({ at }) => at - answeredAt));
      expect(measured['lastMs']).toBeLessThanOrEqual(timeoutMs);
      await cluster.api('DELETE', `/v1/subscriptions/${topic}-paused`);
    },
  },

  'leave-and-join': {
    act: async (stage) => {
      const { cluster, measured } = stage;
      const worker = await owningWorker(stage);
      await losing(stage, 'SIGTERM', worker);
      // Others look for free streams every second; a busy machine takes its time to do so.
      expect(measured['handOverMs']).toBeLessThanOrEqual(2_000);
      await worker.start();
      await until(async () => (await cluster.owners()).includes(worker.pid), {
        timeoutMs: 15_000,
        what: 'the new worker to have its share',
      });
    },
  },
};
