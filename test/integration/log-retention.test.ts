import {
  createCursors,
  DayPartitions,
  ensureDays,
  listExpirations,
  type RetentionPolicy,
  type TopicRef,
} from '@hookcast/log';
import { addDays, dayOf, partitionName, startOf } from '../../libs/log/src/days/day.js';
import { listPartitions } from '../../libs/log/src/days/partitions-store.js';
import { anEvent, firstStream, logSetup, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeEach(async () => {
  log = await logSetup();
  for (const { name } of await listPartitions(log.pool)) await log.pool.query(`drop table ${name}`);
  await ensureDays(log.pool, noon(-5), 9);
});
afterEach(async () => log.drop());

const dayMs = 86_400_000;
const today = dayOf(Date.now());
const noon = (daysFromNow: number) => new Date(startOf(addDays(today, daysFromNow)).getTime() + dayMs / 2);
const partition = (daysFromNow: number) => partitionName('events', addDays(today, daysFromNow));

const days = (daysFromNow: number, options: { policy?: RetentionPolicy; lines?: [string, unknown][] } = {}) =>
  new DayPartitions({
    pool: log.pool,
    now: () => noon(daysFromNow),
    ...(options.policy && { policy: options.policy }),
    log: (name, fields) => options.lines?.push([name, fields]),
  });

const publish = async (topic: TopicRef, daysFromNow: number, count: number) =>
  log.appender({ now: () => noon(daysFromNow) }).append(
    topic,
    Array.from({ length: count }, (_, index) => anEvent(`${topic.name}/${daysFromNow}/${index}`)),
  );

const keepFor = async (topic: TopicRef, retentionDays: number) =>
  log.pool.query('update topics set retention_days = $2 where id = $1', [topic.topicId, retentionDays]);

const subscribe = async (subscriptionId: number, topic: TopicRef) =>
  createCursors(log.pool, { subscriptionId, topicIds: [topic.topicId], start: { kind: 'earliest' } });

async function eventsOf(topic: TopicRef): Promise<string[]> {
  const found = await log.reader.read(firstStream(topic), { seq: 0 }, { events: 100 });
  return found.map(({ id }) => id);
}

async function attached(): Promise<string[]> {
  return (await listPartitions(log.pool))
    .filter(({ table, state }) => table === 'events' && state === 'attached')
    .map(({ name }) => name);
}

async function cursorOf(subscriptionId: number) {
  const { rows } = await log.pool.query(
    'select settled_seq::int as settled, expired::int, started_seq::int as started from cursors where subscription_id = $1',
    [subscriptionId],
  );
  return rows[0];
}

const lag = async (subscriptionId: number, settled: number) =>
  log.pool.query('update cursors set settled_seq = $2 where subscription_id = $1', [subscriptionId, settled]);

describe('topics that keep events for less long than others', () => {
  test('lose theirs by deletion; the day stays for the others', async () => {
    const [short, long] = [await log.topic('short'), await log.topic('long')];
    await keepFor(short, 1);
    await keepFor(long, 10);
    for (const topic of [short, long]) for (const day of [-3, -2, -1, 0]) await publish(topic, day, 2);
    // A day is kept for at least as long as it says: of yesterday's noon until tomorrow's end.
    expect(await days(0).runOnce()).toMatchObject({ trimmed: 4, dropped: 0, expired: 0 });
    expect(await eventsOf(short)).toEqual(['short/-1/0', 'short/-1/1', 'short/0/0', 'short/0/1']);
    expect(await eventsOf(long)).toHaveLength(8);
    expect(await attached()).toContain(partition(-3));
    expect(await days(0).runOnce()).toMatchObject({ trimmed: 0 });
  });

  test('are accounted for before they lose them', async () => {
    const [short, long] = [await log.topic('short'), await log.topic('long')];
    await keepFor(short, 1);
    await keepFor(long, 10);
    for (const topic of [short, long]) await publish(topic, -2, 3);
    await subscribe(1, short);
    await subscribe(2, long);
    await lag(1, 1);
    await log.pool.query(
      `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, next_at, last_error) values ($1, 1, 1, $2, 1, $2, 'reset')`,
      [firstStream(short).streamId, noon(-2)],
    );
    expect(await days(0).runOnce()).toMatchObject({ trimmed: 3, expired: 2, buried: 1 });
    expect(await cursorOf(1)).toEqual({ settled: 3, expired: 2, started: 0 });
    expect(await cursorOf(2)).toEqual({ settled: 0, expired: 0, started: 0 });
    expect(await listExpirations(log.pool, { subscriptionId: 2, limit: 10 })).toEqual([]);
  });
});

test('what expired is noted: when, which positions of which stream, how many', async () => {
  const topic = await log.topic('noted');
  await publish(topic, -2, 4);
  await publish(topic, -1, 1);
  await subscribe(1, topic);
  await log.pool.query("update cursors set above = '{[3,4)}' where subscription_id = 1");
  const lines: [string, unknown][] = [];
  await days(6, { lines }).runOnce();
  const { streamId } = firstStream(topic);
  expect(await listExpirations(log.pool, { subscriptionId: 1, limit: 10 })).toEqual([
    { streamId, subscriptionId: 1, fromSeq: 1, toSeq: 4, events: 3, expiredAt: noon(6), topic: 'noted' },
  ]);
  expect(lines).toContainEqual([
    'log.events-expired',
    { partition: partition(-2), streamId, subscriptionId: 1, events: 3 },
  ]);
  await days(6 + 401).runOnce();
  expect(await listExpirations(log.pool, { subscriptionId: 1, limit: 10 })).toMatchObject([{ fromSeq: 5, toSeq: 5 }]);
});

describe('under the policy hold', () => {
  const hold = (maxBytes: number): { policy: RetentionPolicy } => ({ policy: { kind: 'hold', maxBytes } });
  const plenty = 1024 ** 3;

  test('a day stays while a cursor lags or a retry waits, and goes when nobody needs it any more', async () => {
    const topic = await log.topic('held');
    for (const day of [-4, -3]) await publish(topic, day, 2);
    await subscribe(1, topic);
    await lag(1, 3);
    await log.pool.query(
      `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, next_at) values ($1, 1, 1, $2, 1, $2)`,
      [firstStream(topic).streamId, noon(-4)],
    );
    expect(await days(6, hold(plenty)).runOnce()).toMatchObject({ held: 2, expired: 0, buried: 0 });
    expect(await eventsOf(topic)).toHaveLength(4);
    // Days without events are of no use to anybody.
    expect(await attached()).not.toContain(partition(-2));

    await log.pool.query('delete from retries');
    expect(await days(6, hold(plenty)).runOnce()).toMatchObject({ held: 1, dropped: 1 });
    await lag(1, 4);
    expect(await days(6, hold(plenty)).runOnce()).toMatchObject({ held: 0, dropped: 1, expired: 0 });
  });

  test('the oldest day expires, counted, once the held days exceed the bound', async () => {
    const topic = await log.topic('bound');
    for (const day of [-4, -3]) await publish(topic, day, 2);
    await subscribe(1, topic);
    const { rows } = await log.pool.query<{ bytes: string }>('select pg_total_relation_size($1) as bytes', [
      partition(-3),
    ]);
    expect(await days(6, hold(Number(rows[0]?.bytes))).runOnce()).toMatchObject({ held: 1, expired: 2 });
    expect(await cursorOf(1)).toMatchObject({ settled: 2, expired: 2 });
    expect(await days(6, hold(0)).runOnce()).toMatchObject({ held: 0, expired: 2 });
  });

  test('nothing is deleted for a shorter retention that a subscription has not settled', async () => {
    const [short, long] = [await log.topic('short'), await log.topic('long')];
    await keepFor(short, 1);
    await keepFor(long, 10);
    await publish(short, -2, 2);
    await subscribe(1, short);
    expect(await days(0, hold(plenty)).runOnce()).toMatchObject({ trimmed: 0, expired: 0 });
    await lag(1, 2);
    expect(await days(0, hold(plenty)).runOnce()).toMatchObject({ trimmed: 2, expired: 0 });
  });
});

test('appends go on at full speed while days are made, deleted from and dropped', async () => {
  const [topic, short] = [await log.topic('flooded', 2), await log.topic('short')];
  await keepFor(short, 1);
  await keepFor(topic, 5);
  await publish(short, -2, 5_000);
  await publish(topic, -5, 1_000);
  await subscribe(1, topic);
  const appender = log.appender();
  let [slowestMs, appended] = [0, 0];
  const end = new AbortController();
  const flood = async (publisher: number) => {
    for (let index = 0; !end.signal.aborted; index += 1) {
      const began = performance.now();
      const result = await appender.append(topic, [anEvent(`${publisher}-${index}`)]);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      expect(result.kind).toBe('appended');
      appended += 1;
    }
  };
  const publishers = [1, 2, 3, 4].map(flood);
  const startedAt = performance.now();
  const counts = await days(1).runOnce();
  const roundMs = performance.now() - startedAt;
  end.abort();
  await Promise.all(publishers);
  expect(counts).toMatchObject({ trimmed: 5_000, expired: 1_000 });
  expect(counts.dropped).toBeGreaterThanOrEqual(2);
  expect(appended).toBeGreaterThan(50);
  // A lock that kept them out would be held for the whole of a round; the lock timeout is 10 s.
  expect(slowestMs).toBeLessThan(Math.max(2_000, roundMs / 2));
});
