import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/until.js';
import { ms, owningWorker, patienceMs, takeover, type Scenario, type Stage } from './stage.js';

const clients = `select pid from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name like 'hookcast%' order by pid`;

async function clientBackends({ cluster }: Stage): Promise<number[]> {
  return (await cluster.rows<{ pid: number }>(clients)).map(({ pid }) => pid);
}

/** Loses the answer to what was committed, several times over. */
async function losingAnswers(stage: Stage, role: 'api' | 'worker', statement: string): Promise<void> {
  const proxy = stage.cluster.proxyOf(role);
  const before = proxy.lostCommits;
  for (let lost = 1; lost <= 4; lost += 1) {
    proxy.loseNextCommit(statement);
    await until(() => proxy.lostCommits >= before + lost, { timeoutMs: patienceMs, what: `lost answer ${lost}` });
  }
  stage.measured['lostAnswers'] = proxy.lostCommits - before;
}

/** What a network does to all connections of a process for a while. */
async function disturb({ cluster, chance }: Stage, role: 'api' | 'worker'): Promise<void> {
  const proxy = cluster.proxyOf(role);
  const harms = {
    cut: () => proxy.cut(),
    stall: () => proxy.stall(),
    // Answers vanish, and nobody says so before the connection breaks.
    swallow: () => proxy.silence('answers'),
  };
  const order = chance.happens(0.5) ? (['cut', 'stall', 'swallow'] as const) : (['swallow', 'stall', 'cut'] as const);
  for (const harm of order) {
    harms[harm]();
    await pause(chance.int(200, 1_200));
    if (harm === 'swallow') proxy.cut();
    proxy.mend();
    await pause(300);
  }
}

export const databaseHarm: Record<string, Scenario> = {
  'crash-database': {
    act: async (stage) => {
      const { cluster, chance, measured } = stage;
      await pause(chance.int(200, 800));
      await stage.note();
      measured['databaseMs'] = await ms(async () => {
        await cluster.database.crash();
        await cluster.rows('select 1');
      });
      await pause(500);
    },
  },

  /** The server ends every other session for one backend that died, and recovers. */
  'kill-backend': {
    act: async (stage) => {
      const { chance, measured } = stage;
      await pause(chance.int(200, 800));
      await stage.note();
      const before = await clientBackends(stage);
      process.kill(chance.pick(before), 'SIGKILL');
      const isAnother = async () => (await clientBackends(stage)).every((pid) => !before.includes(pid));
      measured['databaseMs'] = await ms(async () =>
        until(isAnother, { timeoutMs: patienceMs, what: 'the server to have recovered' }),
      );
      await pause(500);
    },
  },

  /** Nobody can give a sign of life, for longer than others wait for one. */
  'freeze-database': {
    act: async (stage) => {
      await pause(stage.chance.int(200, 800));
      await stage.note();
      await stage.cluster.database.freeze(stage.chance.int(8_500, 10_000));
    },
  },

  'end-backends': {
    act: async (stage) => {
      const { cluster, chance } = stage;
      for (let round = 0; round < 3; round += 1) {
        await pause(chance.int(100, 400));
        await stage.note();
        const ended = (await clientBackends(stage)).filter(() => chance.happens(0.5));
        await cluster.rows('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [ended]);
      }
    },
  },

  'disturb-api': { act: async (stage) => disturb(stage, 'api') },
  'disturb-worker': { act: async (stage) => disturb(stage, 'worker') },

  /** One worker reaches the hooks and not the database, for longer than others wait for a sign of life. */
  'part-worker': {
    act: async (stage) => {
      const { cluster } = stage;
      const [first] = cluster.workers;
      const worker = await owningWorker(stage, (each) => each === first);
      const lostBefore = worker.told('delivery.stream-lost');
      await stage.note();
      cluster.proxyOf('worker').stall();
      await takeover(stage, worker.pid);
      await stage.note();
      cluster.proxyOf('worker').mend();
      await until(() => worker.told('delivery.stream-lost') > lostBefore, {
        timeoutMs: patienceMs,
        what: 'the parted worker to notice that it has lost its streams',
      });
    },
  },

  'lose-commit-answers': { act: async (stage) => losingAnswers(stage, 'api', 'append_events') },
  'lose-settle-answers': { act: async (stage) => losingAnswers(stage, 'worker', 'settle-') },
};
