import { deleteStreams, InvalidEventError, type NewEvent } from '@hookcast/log';
import { partitionName } from '../../libs/log/src/days/day.js';
import { until } from '../support/until.js';
import {
  anEvent,
  lockStreams,
  logSetup,
  firstStream,
  positions,
  readAll,
  someEvents,
  type LogSetup,
} from './log-setup.js';

let log: LogSetup;
beforeAll(async () => {
  log = await logSetup();
});
afterAll(async () => log.drop());

const day = 86_400_000;
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);

test('reads back what was published, byte for byte', async () => {
  const topic = await log.topic('bytes');
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const events: NewEvent[] = [
    {
      id: 'full',
      type: 'bytes',
      source: '/topics/bytes',
      subject: `quo'te "double" \\back {brace} , NULL ä😀`,
      key: 'NULL',
      contentType: 'text/plain; charset="utf-8"',
      attributes: {
        time: '2026-01-01T00:00:00.000001+02:00',
        extensions: { odd: '\0\ud800' },
        traceparent: '00-a-b-01',
      },
      data: bytes,
      deliverAt: new Date('2030-02-28T23:59:59.999Z'),
      expiresAt: new Date(0),
    },
    { id: 'none', type: 'other', source: '/other', attributes: {}, data: undefined },
    { id: 'empty', type: 'bytes', source: '/topics/bytes', attributes: {}, data: Buffer.alloc(0) },
    { id: 'large', type: 'bytes', source: '/topics/bytes', attributes: {}, data: Buffer.alloc(20_000, bytes) },
  ];
  const { streamId } = firstStream(topic);
  expect(positions(await log.appender().append(topic, events))).toEqual(
    [1, 2, 3, 4].map((seq) => `${streamId}:${seq}`),
  );
  const stored = await readAll(log.reader, topic);
  expect(stored).toEqual(
    events.map((event, index) => ({
      ...event,
      streamId,
      seq: index + 1,
      topic: 'bytes',
      createdAt: stored[0]?.createdAt,
    })),
  );
  expect(Math.abs((stored[0]?.createdAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
});

test('numbers each stream without gaps under concurrent publishes', async () => {
  const topic = await log.topic('dense', 4);
  const appenders = [log.appender(), log.appender({ maxBatchEvents: 10 })];
  const requests = Array.from({ length: 300 }, (_, request) =>
    Array.from({ length: 1 + (request % 7) }, (_each, index) => anEvent(`${request}-${index}`)),
  );
  const results = await Promise.all(
    requests.map(async (events, index) => (index % 2 === 0 ? appenders[0] : appenders[1])?.append(topic, events)),
  );
  const told = results.flatMap((result) => (result?.kind === 'appended' ? result.events : []));
  expect(told).toHaveLength(requests.flat().length);
  const stored = await readAll(log.reader, topic);
  expect(new Map(stored.map((event) => [`${event.streamId}:${event.seq}`, event.id]))).toEqual(
    new Map(told.map(({ position, id }) => [position, id])),
  );
  for (const { streamId } of topic.streams) {
    const own = stored.filter((event) => event.streamId === streamId);
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_event, index) => index + 1));
    const times = own.map(({ createdAt }) => createdAt.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }
});

test('keeps the order of a request inside its streams', async () => {
  const topic = await log.topic('order', 2);
  await log.appender().append(
    topic,
    ['a', 'b', 'c', 'd', 'e'].map((id) => anEvent(id, { key: 'k' })),
  );
  expect(ids(await readAll(log.reader, topic))).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('an event that is published again is where it was', async () => {
  const topic = await log.topic('again', 4);
  const appender = log.appender();
  const events = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => anEvent(id));
  const first = positions(await appender.append(topic, events));
  const extra = anEvent('new');
  const again = positions(await appender.append(topic, [...events.slice(0, 3), extra, ...events.slice(3)]));
  expect(again.filter((position) => position.endsWith('again'))).toEqual(first.map((position) => `${position} again`));
  const stored = await readAll(log.reader, topic);
  expect(ids(stored).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'new']);
  for (const { streamId } of topic.streams) {
    const seqs = stored.filter((event) => event.streamId === streamId).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_seq, index) => index + 1));
  }
});

test('a repetition moves no head', async () => {
  const topic = await log.topic('unmoved');
  const heads: ReadonlyMap<number, number>[] = [];
  const appender = log.appender({ onAppended: (moved) => heads.push(moved) });
  await appender.append(topic, [anEvent('a')]);
  await appender.append(topic, [anEvent('a')]);
  expect(heads).toEqual([new Map([[topic.streams[0]?.streamId, 1]])]);
});

test('finds an id of yesterday, and forgets one of the day before', async () => {
  const topic = await log.topic('yesterday');
  const now = Date.now();
  const at = (daysAgo: number) => log.appender({ now: () => new Date(now - daysAgo * day) });
  const [old] = positions(await at(2).append(topic, [anEvent('old')]));
  const [young] = positions(await at(1).append(topic, [anEvent('young')]));
  const today = at(0);
  expect(positions(await today.append(topic, [anEvent('young')]))).toEqual([`${young} again`]);
  const result = positions(await today.append(topic, [anEvent('old')]));
  expect(result).not.toContain(`${old} again`);
  expect(ids(await readAll(log.reader, topic))).toEqual(['old', 'young', 'old']);
});

test('the same id with other bytes is a conflict of its request alone', async () => {
  const topic = await log.topic('conflict', 4);
  const appender = log.appender();
  await appender.append(topic, [anEvent('a')]);
  const spoiled = appender.append(topic, [
    ...someEvents('b', 'c', 'd', 'e', 'f', 'g'),
    anEvent('a', { data: Buffer.from('other') }),
  ]);
  const fine = appender.append(topic, someEvents('s', 't', 'u', 'v', 'a'));
  expect(await spoiled).toEqual({ kind: 'conflict', ids: ['a'] });
  expect((await fine).kind).toBe('appended');
  expect(ids(await readAll(log.reader, topic)).toSorted()).toEqual(['a', 's', 't', 'u', 'v']);
});

test.each<[string, Partial<NewEvent>]>([
  ['source', { source: '/elsewhere' }],
  ['type', { type: 'other' }],
  ['content type', { contentType: 'text/plain' }],
  ['subject', { subject: 's' }],
  ['data, by being absent', { data: undefined }],
])('an id with another %s is no repetition', async (_what, difference) => {
  const topic = await log.topic(`differs-${Object.keys(difference).join()}`);
  const appender = log.appender();
  await appender.append(topic, [anEvent('a')]);
  expect(await appender.append(topic, [anEvent('a', difference)])).toEqual({ kind: 'conflict', ids: ['a'] });
});

test('requests of one flush that bring the same event share its position', async () => {
  const topic = await log.topic('shared', 2);
  const appender = log.appender();
  const results = await Promise.all([
    appender.append(topic, [anEvent('a'), anEvent('a')]),
    appender.append(topic, [anEvent('a')]),
    appender.append(topic, [anEvent('a', { data: Buffer.from('other') })]),
  ]);
  const [first, second, third] = results;
  if (!first || !second) throw new Error('no answers');
  const [position] = positions(first);
  expect(positions(first)).toEqual([position, `${position} again`]);
  expect(positions(second)).toEqual([`${position} again`]);
  expect(third).toEqual({ kind: 'conflict', ids: ['a'] });
  expect(await readAll(log.reader, topic)).toHaveLength(1);
});

test('who shares a flush with a conflict is judged by what is stored', async () => {
  const topic = await log.topic('judged');
  const appender = log.appender();
  const [position] = positions(await appender.append(topic, [anEvent('a')]));
  const [wrong, alike] = await Promise.all([
    appender.append(topic, [anEvent('a', { data: Buffer.from('other') })]),
    appender.append(topic, [anEvent('a')]),
  ]);
  expect(wrong).toEqual({ kind: 'conflict', ids: ['a'] });
  expect(alike && positions(alike)).toEqual([`${position} again`]);
});

test('an event that no text column takes is refused before it meets others', async () => {
  const topic = await log.topic('nul');
  const appender = log.appender();
  const [bad, good] = await Promise.allSettled([
    appender.append(topic, [anEvent('x'), anEvent('bad', { subject: 'a\0b' })]),
    appender.append(topic, [anEvent('good')]),
  ]);
  expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(InvalidEventError) });
  expect(good.status).toBe('fulfilled');
  expect(ids(await readAll(log.reader, topic))).toEqual(['good']);
});

test('content that Postgres refuses fails its own request and no other', async () => {
  const topic = await log.topic('poison', 4);
  const table = partitionName('events', new Date().toISOString().slice(0, 10));
  await log.pool.query(`alter table ${table} add constraint no_poison check (subject <> 'poison')`);
  const appender = log.appender();
  const results = await Promise.allSettled(
    ['a', 'b', 'poison', 'c'].map(async (subject) =>
      appender.append(topic, [anEvent(`${subject}1`), anEvent(`${subject}2`, { subject })]),
    ),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(ids(await readAll(log.reader, topic)).toSorted()).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
  await log.pool.query(`alter table ${table} drop constraint no_poison`);
});

test('a topic that was deleted is unknown, and the rest of the flush is stored', async () => {
  const [gone, kept] = [await log.topic('gone', 2), await log.topic('kept', 2)];
  const appender = log.appender();
  await deleteStreams(log.pool, gone.topicId);
  const results = await Promise.all([
    appender.append(gone, [anEvent('a'), anEvent('b'), anEvent('c')]),
    appender.append(kept, [anEvent('d'), anEvent('e'), anEvent('f')]),
  ]);
  expect(results.map(({ kind }) => kind)).toEqual(['unknown-topic', 'appended']);
});

test('an append that waits for a stream while it is deleted stores nothing', async () => {
  const topic = await log.topic('deleted-meanwhile');
  const lock = await lockStreams(log.pool, topic);
  const appending = log.appender().append(topic, [anEvent('a')]);
  await lock.waiters(1);
  await deleteStreams(lock.client, topic.topicId);
  await lock.release();
  expect(await appending).toEqual({ kind: 'unknown-topic' });
});

test('answers after the commit, not before', async () => {
  const topic = await log.topic('after-commit');
  const lock = await lockStreams(log.pool, topic);
  let isAnswered = false;
  const appending = log
    .appender()
    .append(topic, [anEvent('a')])
    .finally(() => {
      isAnswered = true;
    });
  await lock.waiters(1);
  expect(isAnswered).toBe(false);
  await lock.release();
  positions(await appending);
  expect(await readAll(log.reader, topic)).toHaveLength(1);
});

test('while a flush is on its way the next one grows', async () => {
  const topic = await log.topic('grows');
  const appender = log.appender();
  const lock = await lockStreams(log.pool, topic);
  const first = appender.append(topic, [anEvent('first')]);
  await lock.waiters(1);
  const others = Array.from({ length: 50 }, async (_, index) => appender.append(topic, [anEvent(`other-${index}`)]));
  await lock.release();
  await first;
  await Promise.all(others);
  const [, ...stored] = await readAll(log.reader, topic);
  // One flush has one time.
  expect(new Set(stored.map(({ createdAt }) => createdAt.getTime())).size).toBe(1);
});

test('more than may wait is refused at once, and taken again later', async () => {
  const topic = await log.topic('pressure');
  const appender = log.appender({ maxQueuedBytes: 100_000 });
  const lock = await lockStreams(log.pool, topic);
  const large = (id: string) => anEvent(id, { data: Buffer.alloc(60_000) });
  const waiting = appender.append(topic, [large('a')]);
  expect(await appender.append(topic, [large('b')])).toMatchObject({ kind: 'unavailable', retryAfterSeconds: 2 });
  await lock.waiters(1);
  await lock.release();
  await waiting;
  positions(await appender.append(topic, [large('b')]));
  positions(await appender.append(topic, [anEvent('c', { data: Buffer.alloc(200_000) })]));
});

test('a request larger than a flush is stored whole', async () => {
  const topic = await log.topic('large', 2);
  const appender = log.appender({ maxBatchEvents: 10, maxBatchBytes: 1_000 });
  const events = Array.from({ length: 1_000 }, (_, index) => anEvent(`e-${index}`));
  expect(positions(await appender.append(topic, events))).toHaveLength(1_000);
});

test('stops after storing what waits, and takes nothing more', async () => {
  const topic = await log.topic('stop');
  const appender = log.appender();
  const appending = [1, 2, 3].map(async (id) => appender.append(topic, [anEvent(`e-${id}`)]));
  await appender.stop();
  for (const result of await Promise.all(appending)) positions(result);
  expect(await appender.append(topic, [anEvent('late')])).toMatchObject({ kind: 'unavailable' });
});

test('makes the day it needs when nobody did', async () => {
  const topic = await log.topic('no-day');
  const now = new Date(Date.now() + 30 * day);
  const [position] = positions(await log.appender({ now: () => now }).append(topic, [anEvent('a')]));
  expect(position).toBeDefined();
  await until(async () => (await readAll(log.reader, topic)).length === 1, { what: 'the event' });
});

test('whoever listens to appends cannot stop them', async () => {
  const topic = await log.topic('listener');
  const lines: string[] = [];
  const appender = log.appender({
    onAppended: () => {
      throw new Error('a bug');
    },
    log: (name) => lines.push(name),
  });
  positions(await appender.append(topic, [anEvent('a')]));
  positions(await appender.append(topic, [anEvent('b')]));
  expect(lines).toEqual(['append.announce-failed', 'append.announce-failed']);
});

test('an empty request is stored in no time', async () => {
  expect(await log.appender().append(await log.topic('empty'), [])).toEqual({ kind: 'appended', events: [] });
});
