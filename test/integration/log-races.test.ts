import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AppendedEvent, Appender, AppendResult, TopicRef } from '@hookcast/log';
import type { Order } from './log-publisher-process.js';
import { anEvent, lockStreams, logSetup, firstStream, positions, readAll, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeAll(async () => {
  log = await logSetup();
});
afterAll(async () => log.drop());

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function startPublisher(): Promise<{ publish(order: Order): Promise<AppendResult[]>; stop(): Promise<void> }> {
  const child: ChildProcess = fork(here('./log-publisher-process.ts'), [log.url], {
    execArgv: ['--conditions=@hookcast/source', '--import', here('../support/typescript-hooks.mjs')],
  });
  await once(child, 'message');
  return {
    publish: async (order) => {
      const answer = once(child, 'message');
      child.send(order);
      const [results] = (await answer) as [AppendResult[]];
      return results;
    },
    stop: async () => {
      child.send('stop');
      await once(child, 'exit');
    },
  };
}

function appendedById(results: readonly AppendResult[]): Map<string, AppendedEvent> {
  const events = results.flatMap((result) => (result.kind === 'appended' ? result.events : []));
  return new Map(events.map((event) => [event.id, event]));
}

describe('two processes that publish the same ids', () => {
  const processes: Awaited<ReturnType<typeof startPublisher>>[] = [];
  beforeAll(async () => {
    processes.push(...(await Promise.all([startPublisher(), startPublisher()])));
  });
  afterAll(async () => {
    await Promise.all(processes.map(async (one) => one.stop()));
  });

  /** Each process gets its order at the same time. */
  const publishAll = async (topic: TopicRef, requestsOf: (process: number) => Order['requests']) =>
    Promise.all(processes.map(async (one, index) => one.publish({ topic, requests: requestsOf(index) })));

  test('store each once, and one of them is told that it was the first', async () => {
    const topic = await log.topic('two-processes', 4);
    for (let round = 0; round < 8; round += 1) {
      const requests: Order['requests'] = Array.from({ length: 30 }, (_, request) =>
        [0, 1, 2, 3].map((index) => [`${round}-${request}-${index}`, 'the same']),
      );
      // In opposite order, so that the processes meet in the middle.
      const results = await publishAll(topic, (process) => (process === 0 ? requests : requests.toReversed()));
      const [ones, others] = results.map(appendedById);
      expect(ones?.size).toBe(120);
      for (const [id, one] of ones ?? []) {
        expect(others?.get(id)).toEqual({ ...one, duplicate: !one.duplicate });
      }
    }
    const stored = await readAll(log.reader, topic);
    expect(stored).toHaveLength(8 * 120);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(8 * 120);
  });

  test('with other bytes: one wins each, the other has a conflict and stores nothing', async () => {
    const topic = await log.topic('two-contents', 4);
    const ids = Array.from({ length: 100 }, (_, index) => `c-${index}`);
    const results = await publishAll(topic, (process) =>
      ids.map((id) => [
        [id, `process ${process}`],
        [`${id} of ${process}`.replaceAll(' ', '-'), ''],
      ]),
    );
    const stored = await readAll(log.reader, topic);
    for (const [index, id] of ids.entries()) {
      const kinds = results.map((of) => of[index]?.kind);
      expect(new Set(kinds)).toEqual(new Set(['appended', 'conflict']));
      const winner = kinds.indexOf('appended');
      expect(stored.filter((event) => event.id === id).map(({ data }) => data?.toString())).toEqual([
        `process ${winner}`,
      ]);
      expect(stored.filter((event) => event.id.startsWith(`${id}-of-`)).map((event) => event.id)).toEqual([
        `${id}-of-${winner}`,
      ]);
    }
  });
});

/** Lets appends queue up behind a lock in a known order, all with a snapshot that is older than any of them. */
async function behindLock(topic: TopicRef, starts: (() => Promise<AppendResult>)[]): Promise<AppendResult[]> {
  const lock = await lockStreams(log.pool, topic);
  const results: Promise<AppendResult>[] = [];
  for (const start of starts) {
    results.push(start());
    await lock.waiters(results.length);
  }
  await lock.release();
  return Promise.all(results);
}

test('an id that another process stores between snapshot and lock is found', async () => {
  const topic = await log.topic('snapshot');
  const [one, other] = [log.appender(), log.appender()];
  await one.append(topic, [anEvent('before')]);
  const [first, second] = await behindLock(topic, [
    async () => one.append(topic, [anEvent('x')]),
    async () => other.append(topic, [anEvent('y'), anEvent('x')]),
  ]);
  const [position] = first ? positions(first) : [];
  expect(second && positions(second)).toEqual([expect.stringMatching(/:3$/), `${position} again`]);
  expect((await readAll(log.reader, topic)).map(({ id, seq }) => [id, seq])).toEqual([
    ['before', 1],
    ['x', 2],
    ['y', 3],
  ]);
});

test('an id with other bytes that comes in between snapshot and lock is a conflict', async () => {
  const topic = await log.topic('snapshot-conflict');
  const [one, other] = [log.appender(), log.appender()];
  const [first, second] = await behindLock(topic, [
    async () => one.append(topic, [anEvent('x')]),
    async () => other.append(topic, [anEvent('y'), anEvent('x', { data: Buffer.from('other') })]),
  ]);
  expect(first?.kind).toBe('appended');
  expect(second).toEqual({ kind: 'conflict', ids: ['x'] });
  expect(await readAll(log.reader, topic)).toHaveLength(1);
});

describe('around midnight', () => {
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  const late = () => log.appender({ now: () => new Date(today - 5) });
  const early = () => log.appender({ now: () => new Date(today + 5) });
  /** The head was on the day before, as it is at midnight. */
  const topicOf = async (name: string) => {
    const topic = await log.topic(name);
    await log.appender({ now: () => new Date(today - 60_000) }).append(topic, [anEvent('before')]);
    return topic;
  };
  const append = (appender: Appender, topic: TopicRef) => async () => appender.append(topic, [anEvent('x')]);

  test.each<[string, () => Appender, () => Appender]>([
    ['the day before first', late, early],
    ['the new day first', early, late],
  ])('an id published on both sides is stored once: %s', async (name, ahead, behind) => {
    const topic = await topicOf(name.replaceAll(' ', '-'));
    const [first, second] = await behindLock(topic, [append(ahead(), topic), append(behind(), topic)]);
    const [position] = first ? positions(first) : [];
    expect(position).toMatch(/:2$/);
    expect(second && positions(second)).toEqual([`${position} again`]);
    expect((await readAll(log.reader, topic)).map(({ id }) => id)).toEqual(['before', 'x']);
  });

  test('nor is it stored twice by one that has seen the stream grow on the day before', async () => {
    const topic = await log.topic('grown-before');
    const grown = late();
    await grown.append(topic, [anEvent('before')]);
    const [first, second] = await behindLock(topic, [append(early(), topic), append(grown, topic)]);
    const [position] = first ? positions(first) : [];
    expect(second && positions(second)).toEqual([`${position} again`]);
    expect((await readAll(log.reader, topic)).map(({ id }) => id)).toEqual(['before', 'x']);
  });

  test('who comes late for a day writes into the day the stream is in', async () => {
    const topic = await topicOf('late');
    await early().append(topic, [anEvent('new day')]);
    await late().append(topic, [anEvent('late')]);
    const stored = await readAll(log.reader, topic);
    expect(stored.map(({ id, createdAt }) => [id, createdAt.getTime() - today])).toEqual([
      ['before', -60_000],
      ['new day', 5],
      ['late', 5],
    ]);
  });

  test('an appender follows its clock into the new day', async () => {
    const topic = await log.topic('follows');
    let now = today - 5;
    const appender = log.appender({ now: () => new Date(now) });
    await appender.append(topic, [anEvent('a')]);
    now = today + 5;
    await appender.append(topic, [anEvent('b')]);
    expect((await readAll(log.reader, topic)).map(({ createdAt }) => createdAt.getTime() - today)).toEqual([-5, 5]);
  });
});

test('who has seen a position has seen all below it, whatever is rolled back', async () => {
  const topic = await log.topic('visible', 2);
  const appenders = [log.appender({ maxBatchEvents: 5 }), log.appender({ maxBatchEvents: 5 })];
  await appenders[0]?.append(topic, [anEvent('taken')]);
  const publishers = { areDone: false };

  const publishing = appenders.map(async (appender, process) => {
    for (let round = 0; round < 60; round += 1) {
      await Promise.all(
        [0, 1, 2].map(async (index) =>
          appender.append(topic, [anEvent(`${process}-${round}-${index}`), anEvent(`${process}-${round}-${index}b`)]),
        ),
      );
      // A conflict in one stream rolls back what the flush had written to the other.
      await appender.append(topic, [
        anEvent(`${process}-${round}-lost`),
        anEvent('taken', { data: Buffer.from('other') }),
      ]);
    }
  });
  // Somebody takes numbers and gives them back.
  const { streamId } = firstStream(topic);
  const rollingBack = (async () => {
    const client = await log.pool.connect();
    while (!publishers.areDone) {
      await client.query('begin');
      await client.query('update streams set head_seq = head_seq + 100 where stream_id = $1', [streamId]);
      await client.query('rollback');
    }
    client.release();
  })();
  const reading = topic.streams.map(async (stream) => {
    let seen = 0;
    for (;;) {
      const isLast = publishers.areDone;
      const events = await log.reader.read(stream, { seq: seen }, { events: 50 });
      for (const { seq } of events) {
        expect(seq).toBe(seen + 1);
        seen = seq;
      }
      if (isLast && events.length === 0) return seen;
    }
  });

  await Promise.all(publishing);
  publishers.areDone = true;
  await rollingBack;
  const seen = await Promise.all(reading);
  expect(seen.reduce((sum, count) => sum + count, 0)).toBe(1 + 2 * 60 * 6);
});
