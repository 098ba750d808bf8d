import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/until.js';
import { check, type Attempted } from './checker.js';
import type { Node } from './node.js';
import { ms, owningWorker, patienceMs, type Scenario, type Stage } from './stage.js';

const partitions = 12;
const backlog = 8_000;
const windowMs = 2_500;
/** The promise: what a worker that leaves had has another owner within this time of its last settle. */
const handOverBoundMs = 1_000;
/** One after the other: where a machine is so busy that each takes long, the promise is late by as much. */
const statementsOfATakeover = 3;

/** A worker goes in good order: it finishes what is in flight before it gives its streams away. */
async function leaving({ cluster, measured }: Stage, worker: Node): Promise<void> {
  const { pid } = worker;
  const ended = worker.end('SIGTERM');
  await until(async () => !(await cluster.owners()).includes(pid), { timeoutMs: patienceMs, what: 'free streams' });
  let slowestLookMs = 0;
  const areTaken = async () => {
    const began = performance.now();
    const owners = await cluster.owners();
    slowestLookMs = Math.max(slowestLookMs, performance.now() - began);
    return owners.every((owner) => owner > 0);
  };
  measured['handOverMs'] = await ms(async () =>
    until(areTaken, { timeoutMs: patienceMs, what: 'others to take the streams that it gave away' }),
  );
  measured['slowestLookMs'] = Math.round(slowestLookMs);
  expect(await ended).toBe(0);
  expect(measured['handOverMs']).toBeLessThanOrEqual(handOverBoundMs + statementsOfATakeover * slowestLookMs);
}

async function shared({ cluster }: Stage, worker: Node, topic: string, share: number): Promise<void> {
  await until(async () => (await cluster.share(topic, worker.pid)) >= share, {
    timeoutMs: patienceMs,
    what: 'the new worker to have its share',
  });
}

/** Fills a topic of its own while its subscription is paused. */
async function waitingEvents(stage: Stage, topic: string, subscription: string): Promise<Attempted[]> {
  const { cluster, load } = stage;
  await cluster.api('PUT', `/v1/topics/${topic}`, { partitions });
  await cluster.subscribe(subscription, topic, 'paced', { concurrency: 16 });
  await cluster.api('POST', `/v1/subscriptions/${subscription}/pause`);
  const events = Array.from({ length: backlog }, (_, index) => ({
    id: `${subscription}-${index}`,
    data: Buffer.from(`{"number":${index}}`),
  }));
  for (let from = 0; from < backlog; from += 500) await load.publishApart(topic, events.slice(from, from + 500));
  await cluster.api('POST', `/v1/subscriptions/${subscription}/resume`);
  const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  // Most of it is never waited for.
  return events.map(({ id, data }) => ({ id, sha: sha(data), isAcknowledged: false }));
}

export const scaleHarm: Record<string, Scenario> = {
  'leave-and-join': {
    act: async (stage) => {
      const worker = await owningWorker(stage);
      await leaving(stage, worker);
      await worker.start();
      await shared(stage, worker, stage.topic, 1);
    },
  },

  /** What two workers deliver of a backlog, three, and two again: the hook takes 250 ms, so it is the windows that count. */
  'keep-pace': {
    isApart: true,
    act: async (stage) => {
      const { cluster, measured } = stage;
      const topic = `${stage.topic}.pace`;
      const name = topic.replaceAll('.', '-');
      const worker = await owningWorker(stage);
      await leaving(stage, worker);
      const published = await waitingEvents(stage, topic, name);
      const taken = () => cluster.receiver.received(name);
      await until(() => taken().length > 300, { timeoutMs: patienceMs, what: 'the backlog to be under way' });
      const rate = async (work: () => Promise<unknown>) => {
        const [before, began] = [taken().length, performance.now()];
        await work();
        return (1_000 * (taken().length - before)) / (performance.now() - began);
      };
      const two = await rate(async () => pause(windowMs));
      // A process that starts takes CPU time from all others, whatever is done about its streams: told apart.
      const started = worker.start();
      const starts = await rate(async () =>
        until(async () => cluster.isMember(worker.pid), { timeoutMs: patienceMs, what: 'the new worker to say so' }),
      );
      const joins = await rate(async () => shared(stage, worker, topic, partitions / 3));
      await started;
      const three = await rate(async () => pause(windowMs));
      const leaves = await rate(async () => leaving(stage, worker));
      const twoAgain = await rate(async () => pause(windowMs));
      // Of the same run, before and after: a machine that others use changes its mind in between.
      const alone = (two + twoAgain) / 2;
      for (const [figure, value] of Object.entries({ starts, joins, three, leaves }))
        measured[`${figure}Ratio`] = Math.round((100 * value) / alone) / 100;
      measured['perSecond'] = Math.round(alone);
      expect(taken().length).toBeLessThan(backlog);
      await cluster.api('DELETE', `/v1/subscriptions/${name}`);
      expect(check(published, taken())).toMatchObject({ unexpected: [], corrupted: [], unverified: [], duplicated: 0 });
      // About 1.5, and about 1 while streams change hands: half and less would be a bus that stands still meanwhile.
      expect(measured['threeRatio']).toBeGreaterThanOrEqual(0.8);
      expect(measured['startsRatio']).toBeGreaterThanOrEqual(0.6);
      expect(measured['joinsRatio']).toBeGreaterThanOrEqual(0.75);
      expect(measured['leavesRatio']).toBeGreaterThanOrEqual(0.6);
      await worker.start();
    },
  },
};
