import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/until.js';
import { killing, ms, owningWorker, patienceMs, takeover, type Scenario, type Stage } from './stage.js';

async function killWorker(stage: Stage): Promise<void> {
  const worker = await owningWorker(stage, ({ isElsewhere }) => !isElsewhere);
  await killing(stage, worker);
  await worker.start();
}

async function killApi({ cluster, chance }: Stage): Promise<void> {
  const api = chance.pick(cluster.apis);
  await api.end('SIGKILL');
  await api.start();
}

export const processHarm: Record<string, Scenario> = {
  'kill-at-random': {
    deaths: 1,
    isOrdered: true,
    act: async (stage) => {
      const victims = stage.chance.happens(0.5) ? [killWorker, killApi] : [killApi, killWorker];
      for (const kill of victims) {
        await pause(stage.chance.int(200, 1_200));
        await kill(stage);
      }
    },
  },

  /** Nobody can look whether its process still lives: only its silence tells. */
  'kill-worker-elsewhere': {
    deaths: 1,
    act: async (stage) => {
      await pause(stage.chance.int(200, 2_200));
      const worker = await owningWorker(stage, ({ isElsewhere }) => isElsewhere);
      await killing(stage, worker);
      await worker.start();
    },
  },

  'kill-workers-in-order': {
    deaths: 2,
    isOrdered: true,
    act: async (stage) => {
      for (let round = 0; round < 2; round += 1) {
        await pause(stage.chance.int(300, 1_000));
        await killWorker(stage);
      }
    },
  },

  'freeze-worker': {
    stale: 16,
    act: async (stage) => {
      const worker = await owningWorker(stage);
      const lostBefore = worker.told('delivery.stream-lost');
      await stage.note();
      worker.signal('SIGSTOP');
      await takeover(stage, worker.pid);
      worker.signal('SIGCONT');
      await until(() => worker.told('delivery.stream-lost') > lostBefore, {
        timeoutMs: patienceMs,
        what: 'the stopped worker to notice that it has lost its streams',
      });
    },
  },

  /** Longer than its statements may take: what it holds in the database must not hold up the other. */
  'freeze-api': {
    act: async ({ cluster, chance, load, measured }) => {
      await pause(chance.int(0, 500));
      const frozen = chance.int(0, 1);
      cluster.apis[frozen]?.signal('SIGSTOP');
      const other = 1 - frozen;
      const before = load.acknowledgedBy(other);
      measured['otherApiMs'] = await ms(async () =>
        until(() => load.acknowledgedBy(other) > before + 20, {
          timeoutMs: patienceMs,
          what: 'the other api to go on acknowledging',
        }),
      );
      await pause(chance.int(1_000, 4_000));
      cluster.apis[frozen]?.signal('SIGCONT');
    },
  },
};
