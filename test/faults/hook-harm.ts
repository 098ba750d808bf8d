import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { adminKey } from '../support/broker.js';
import { until } from '../support/until.js';
import { harming, patienceMs, type Scenario } from './stage.js';

const bad = ['hang', 'reset', 'drip', 'endless', 'bomb'] as const;

export const hookHarm: Record<string, Scenario> = {
  'bad-hooks': {
    isCalm: true,
    isGentle: true,
    act: async ({ cluster, topic, measured }) => {
      const rss = () => Math.max(...cluster.workers.map(({ rssMb }) => rssMb));
      const before = rss();
      const settings = { timeoutMs: 1_000, concurrency: 4, retry: { schedule: [1], jitter: 0 } };
      // Apart from the round's own hooks: nothing is ever delivered to these.
      const names = bad.map((manner) => `${topic}-${manner}`.replaceAll('.', '-'));
      for (const [index, manner] of bad.entries()) await cluster.subscribe(names[index] ?? '', topic, manner, settings);
      await until(() => names.every((name) => cluster.receiver.received(name).length >= 5), {
        timeoutMs: patienceMs,
        what: 'every bad hook to be called',
      });
      await pause(2_000);
      measured['rssGrowthMb'] = rss() - before;
      for (const name of names) await cluster.api('DELETE', `/v1/subscriptions/${name}`);
      // Answers are cut at 64 KiB, 50 MiB of zeros never unpacked.
      expect(measured['rssGrowthMb']).toBeLessThan(150);
    },
  },

  /** All hooks go at once with what they had taken and not answered, and come back. */
  'kill-hooks': {
    hookDeaths: 1,
    act: async (stage) => {
      const { cluster, chance } = stage;
      await pause(chance.int(200, 800));
      await stage.note();
      await harming(cluster, async () => cluster.receiver.crash());
      await pause(chance.int(200, 1_500));
      await cluster.receiver.start();
    },
  },

  'same-id-twice': {
    isCalm: true,
    isGentle: true,
    act: async ({ cluster, topic, load, measured }) => {
      const refusals: string[] = [];
      for (let round = 0; round < 20; round += 1) {
        const id = `${topic.replaceAll('.', '-')}-twin-${round}`;
        const body = `{"number":${round},"note":"published by two"}`;
        load.attempted.push({ id, sha: createHash('sha256').update(body).digest('hex'), isAcknowledged: true });
        const headers = {
          authorization: `Bearer ${adminKey}`,
          'content-type': 'application/json',
          'idempotency-key': id,
        };
        const publish = async (url: string) =>
          fetch(`${url}/v1/topics/${topic}/events`, { method: 'POST', headers, body });
        const answers = await Promise.all(cluster.apis.map(async ({ url }) => publish(url)));
        for (const answer of answers) if (!answer.ok) refusals.push(await answer.text());
      }
      measured['refusals'] = refusals.length;
      expect(refusals).toEqual([]);
    },
  },

  /** Another URL, another window, a pause, and a secret that is replaced while the old one still signs along. */
  'change-subscription': {
    isCalm: true,
    act: async (stage) => {
      const { cluster, chance, topic } = stage;
      const name = await stage.subscribe('changing', 'steady');
      const path = `/v1/subscriptions/${name}`;
      const rotateAt = chance.int(2, 9);
      for (let change = 0; change < 12; change += 1) {
        await pause(chance.int(50, 300));
        if (change === rotateAt) await cluster.api('POST', `${path}/rotate-secret`, { graceSeconds: 3_600 });
        else if (chance.happens(0.3)) {
          await cluster.api('POST', `${path}/pause`);
          await pause(chance.int(0, 200));
          await cluster.api('POST', `${path}/resume`);
        } else
          await cluster.api('PUT', path, {
            topics: [topic],
            url: `${cluster.receiver.urlOf(name, 'steady')}?change=${change}`,
            concurrency: chance.int(2, 16),
          });
      }
    },
  },

  'pause-and-delete': {
    isCalm: true,
    act: async (stage) => {
      const { cluster, topic, measured } = stage;
      // Longer than a worker sends by what it knew before: 6.5 s after it has last looked.
      const timeoutMs = 8_000;
      const settings = { timeoutMs, concurrency: 8 };
      const paused = await stage.subscribe('paused', 'slow', settings);
      const deleted = `${topic}-deleted`.replaceAll('.', '-');
      await cluster.subscribe(deleted, topic, 'slow', settings);
      const heard = (name: string) => cluster.receiver.received(name);
      await until(() => heard(paused).length > 10 && heard(deleted).length > 10, {
        timeoutMs: patienceMs,
        what: 'the flood',
      });
      const silenced = new Map<string, number>();
      await cluster.api('POST', `/v1/subscriptions/${paused}/pause`);
      silenced.set(paused, Date.now());
      await cluster.api('DELETE', `/v1/subscriptions/${deleted}`);
      silenced.set(deleted, Date.now());
      await pause(timeoutMs + 1_000);
      const late = [...silenced].flatMap(([name, at]) => heard(name).map(({ began }) => began - at));
      measured['lastMs'] = Math.max(0, ...late);
      expect(measured['lastMs']).toBeLessThanOrEqual(timeoutMs);
      await cluster.api('POST', `/v1/subscriptions/${paused}/resume`);
    },
  },
};
