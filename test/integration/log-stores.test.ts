import { dataSourceOptions } from '@hookcast/database';
import {
  backlogs,
  createCursors,
  createStreams,
  deleteCursors,
  deleteStreams,
  loadStreams,
  topicStats,
  type TopicRef,
} from '@hookcast/log';
import { DataSource } from 'typeorm';
import { until } from '../support/until.js';
import { anEvent, logSetup, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeAll(async () => {
  log = await logSetup();
});
afterAll(async () => log.drop());

const day = 86_400_000;
const streamIds = (topic: TopicRef) => topic.streams.map(({ streamId }) => streamId);

async function cursorsOf(subscriptionId: number) {
  const { rows } = await log.pool.query<{ stream_id: number; settled_seq: string; settled_at: Date; epoch: number }>(
    'select stream_id, settled_seq, settled_at, epoch from cursors where subscription_id = $1 order by stream_id',
    [subscriptionId],
  );
  return rows.map((row) => ({
    streamId: row.stream_id,
    seq: Number(row.settled_seq),
    at: row.settled_at,
    epoch: row.epoch,
  }));
}

async function countOf(table: string, where = 'true'): Promise<number> {
  const { rows } = await log.pool.query<{ count: string }>(`select count(*) from ${table} where ${where}`);
  return Number(rows[0]?.count);
}

test('a topic grows by partitions, each with an assignment that nobody owns', async () => {
  const topic = await log.topic('grows', 2);
  await createStreams(log.pool, topic.topicId, { from: 2, to: 4 });
  const streams = (await loadStreams(log.pool)).filter(({ topicId }) => topicId === topic.topicId);
  expect(streams.map(({ partition, topic: name }) => [partition, name])).toEqual(
    [0, 1, 2, 3].map((no) => [no, 'grows']),
  );
  const ids = streams.map(({ streamId }) => streamId).join();
  expect(await countOf('assignments', `stream_id in (${ids}) and lane = 0 and owner is null`)).toBe(4);
});

test('tells where each partition of a topic ends', async () => {
  const topic = await log.topic('stats', 2);
  const now = new Date();
  await log.appender({ now: () => now }).append(topic, [anEvent('a', { key: 'k' }), anEvent('b', { key: 'k' })]);
  const stats = await topicStats(log.pool, topic.topicId);
  expect(stats.map(({ partition }) => partition)).toEqual([0, 1]);
  expect(stats.map(({ seq, at }) => `${seq} at ${at.getTime()}`).toSorted()).toEqual([
    '0 at 0',
    `2 at ${now.getTime()}`,
  ]);
});

test('works inside a TypeORM transaction, and goes with it', async () => {
  const topic = await log.topic('typeorm', 1);
  const dataSource = await new DataSource(dataSourceOptions(log.url)).initialize();
  const change = dataSource.transaction(async (transaction) => {
    await createStreams(transaction, topic.topicId, { from: 1, to: 3 });
    await createCursors(transaction, { subscriptionId: 90, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    expect(await topicStats(transaction, topic.topicId)).toHaveLength(3);
    expect((await backlogs(transaction, [90])).get(90)?.backlog).toBe(0);
    await deleteCursors(transaction, { subscriptionId: 90, topicIds: [topic.topicId] });
    expect((await backlogs(transaction, [90])).size).toBe(0);
    await deleteStreams(transaction, topic.topicId);
    expect(await topicStats(transaction, topic.topicId)).toEqual([]);
    throw new Error('changed my mind');
  });
  await expect(change).rejects.toThrow('changed my mind');
  await dataSource.destroy();
  expect(await topicStats(log.pool, topic.topicId)).toHaveLength(1);
});

describe('a new cursor', () => {
  const setup = async (name: string) => {
    const topic = await log.topic(name, 2);
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    for (const [id, daysAgo] of [
      ['a', 2],
      ['b', 1],
      ['c', 0],
    ] as const) {
      await log.appender({ now: () => new Date(now - daysAgo * day) }).append(topic, [anEvent(id, { key: 'k' })]);
    }
    const filled = (await topicStats(log.pool, topic.topicId)).find(({ seq }) => seq === 3)?.streamId ?? 0;
    return { topic, now, filled };
  };

  test.each<[string, (now: number) => Parameters<typeof createCursors>[1]['start'], number, number]>([
    ['latest', () => ({ kind: 'latest' }), 3, 0],
    ['earliest', () => ({ kind: 'earliest' }), 0, 2],
    ['a time', (now) => ({ kind: 'time', at: new Date(now - day) }), 1, 1],
    ['a time in the future', (now) => ({ kind: 'time', at: new Date(now + day) }), 3, 0],
    ['a time before everything', () => ({ kind: 'time', at: new Date(0) }), 0, 20_000],
  ])('begins at %s', async (name, start, seq, daysAgo) => {
    const { topic, now, filled } = await setup(`from-${name.replaceAll(' ', '-')}`);
    const subscriptionId = 100 + topic.topicId;
    await createCursors(log.pool, { subscriptionId, topicIds: [topic.topicId], start: start(now) });
    const cursors = await cursorsOf(subscriptionId);
    expect(cursors.map(({ streamId }) => streamId)).toEqual(streamIds(topic));
    const cursor = cursors.find(({ streamId }) => streamId === filled);
    expect(cursor?.seq).toBe(seq);
    expect(cursors.find(({ streamId }) => streamId !== filled)?.seq).toBe(0);
    // A bound for reading: not after the next event, and for a time that lies between as late as it may be.
    expect(cursor?.at.getTime()).toBeLessThanOrEqual(now - daysAgo * day + (daysAgo > 100 ? now : 0));
    const stream = topic.streams.find(({ streamId }) => streamId === filled);
    if (!stream || !cursor) throw new Error('no cursor');
    const next = await log.reader.read(stream, { seq: cursor.seq, at: cursor.at }, { events: 9 });
    expect(next.map((event) => event.seq)).toEqual([1, 2, 3].filter((one) => one > seq));
  });

  test('leaves an existing one where it is, and takes the epoch of the assignment', async () => {
    const { topic, filled } = await setup('existing');
    await log.pool.query('update assignments set epoch = 7 where stream_id = $1', [filled]);
    const cursor = { subscriptionId: 1, topicIds: [topic.topicId] };
    await createCursors(log.pool, { ...cursor, start: { kind: 'latest' } });
    await createCursors(log.pool, { ...cursor, start: { kind: 'earliest' } });
    const cursors = (await cursorsOf(1)).filter(({ streamId }) => streamIds(topic).includes(streamId));
    expect(cursors.map(({ seq, epoch }) => `${seq} in epoch ${epoch}`).toSorted()).toEqual([
      '0 in epoch 0',
      '3 in epoch 7',
    ]);
  });

  test('waits for a takeover that is about to raise the epoch', async () => {
    const { topic } = await setup('takeover');
    const takeover = await log.pool.connect();
    await takeover.query('begin');
    await takeover.query('update assignments set epoch = 9 where stream_id = any($1)', [streamIds(topic)]);
    const creating = createCursors(log.pool, {
      subscriptionId: 2,
      topicIds: [topic.topicId],
      start: { kind: 'latest' },
    });
    await takeover.query('commit');
    takeover.release();
    await creating;
    expect((await cursorsOf(2)).map(({ epoch }) => epoch)).toEqual([9, 9]);
  });
});

test('tells backlogs from heads and cursors, and when the oldest waiting event was stored', async () => {
  const topic = await log.topic('backlog', 2);
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  await createCursors(log.pool, { subscriptionId: 31, topicIds: [topic.topicId], start: { kind: 'latest' } });
  await createCursors(log.pool, { subscriptionId: 32, topicIds: [topic.topicId], start: { kind: 'latest' } });
  const events = ['a', 'b', 'c', 'd'];
  for (const [index, id] of events.entries()) {
    await log
      .appender({ now: () => new Date(now - 10_000 + index * 1_000) })
      .append(topic, [anEvent(id, { key: 'k' })]);
  }
  await log.pool.query(
    `update cursors set settled_seq = 1, settled_at = $1, delivered = 5, dead = 1, dropped = 2, expired = 3
     where subscription_id = 32 and stream_id = (select stream_id from streams where topic_id = $2 and head_seq > 0)`,
    [new Date(now - 10_000), topic.topicId],
  );
  const found = await backlogs(log.pool, [31, 32, 33]);
  expect(found.get(31)).toMatchObject({
    backlog: 4,
    oldestPendingAt: new Date(now - 10_000),
    delivered: 0,
    dead: 0,
    dropped: 0,
    expired: 0,
  });
  expect(found.get(32)).toMatchObject({
    backlog: 3,
    oldestPendingAt: new Date(now - 9_000),
    delivered: 5,
    dead: 1,
    dropped: 2,
    expired: 3,
  });
  expect(found.has(33)).toBe(false);
});

describe('what goes with a subscription or a topic', () => {
  const deadLetter = `insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts, event_at, event_id, topic)
    select stream_id, $2, 1, now(), 'exhausted', 1, now(), 'x', 't' from streams where topic_id = $1`;
  const retry = `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, next_at)
    select stream_id, $2, 1, now(), 1, now() from streams where topic_id = $1`;

  async function fill(topic: TopicRef, subscriptionId: number): Promise<void> {
    await createCursors(log.pool, { subscriptionId, topicIds: [topic.topicId], start: { kind: 'latest' } });
    for (const text of [deadLetter, retry]) await log.pool.query(text, [topic.topicId, subscriptionId]);
  }
  const rest = async (where: string) =>
    Promise.all(['cursors', 'retries', 'dead_letters'].map(async (table) => countOf(table, where)));

  test('a topic takes everything along', async () => {
    const [gone, kept] = [await log.topic('gone', 2), await log.topic('kept', 2)];
    for (const topic of [gone, kept]) await fill(topic, 51);
    await deleteStreams(log.pool, gone.topicId);
    expect(await rest('subscription_id = 51')).toEqual([2, 2, 2]);
    expect(await countOf('assignments', `stream_id in (${streamIds(gone).join()})`)).toBe(0);
    expect(await countOf('streams', `topic_id = ${gone.topicId}`)).toBe(0);
  });

  test.each<[string, (topic: TopicRef) => Promise<void>]>([
    ['a subscription', async () => deleteCursors(log.pool, { subscriptionId: 55 })],
    ['a topic', async ({ topicId }) => deleteStreams(log.pool, topicId)],
  ])('results that are being written while %s is deleted go too', async (what, remove) => {
    const topic = await log.topic(`under-way ${what}`.replaceAll(' ', '-'), 2);
    await createCursors(log.pool, { subscriptionId: 55, topicIds: [topic.topicId], start: { kind: 'latest' } });
    const settle = await log.pool.connect();
    await settle.query('begin');
    await settle.query('update cursors set settled_seq = settled_seq where subscription_id = 55');
    for (const text of [deadLetter, retry]) await settle.query(text, [topic.topicId, 55]);
    const removed = remove(topic);
    await until(
      async () => (await countOf('pg_stat_activity', `wait_event_type = 'Lock' and datname = current_database()`)) > 0,
      { what: 'the deletion to wait for the cursors' },
    );
    await settle.query('commit');
    settle.release();
    await removed;
    expect(await rest('subscription_id = 55')).toEqual([0, 0, 0]);
  });

  test('leaving a topic ends its deliveries, but dead letters stay for the operator', async () => {
    const [left, kept] = [await log.topic('left', 2), await log.topic('stays', 2)];
    for (const topic of [left, kept]) await fill(topic, 52);
    await deleteCursors(log.pool, { subscriptionId: 52, topicIds: [left.topicId] });
    expect(await rest('subscription_id = 52')).toEqual([2, 2, 4]);
  });

  test('a subscription that is deleted leaves nothing, and others alone', async () => {
    const topic = await log.topic('shared', 2);
    for (const subscriptionId of [53, 54]) await fill(topic, subscriptionId);
    await deleteCursors(log.pool, { subscriptionId: 53 });
    expect(await rest('subscription_id = 53')).toEqual([0, 0, 0]);
    expect(await rest('subscription_id = 54')).toEqual([2, 2, 2]);
  });
});
