import { createDataPool } from '@hookcast/database';
import {
  formatTopicCursor,
  HeadWatch,
  LogReader,
  parseTopicCursor,
  TopicLog,
  type StoredEvent,
  type TopicRef,
} from '@hookcast/log';
import { dayOf, partitionName } from '../../libs/log/src/days/day.js';
import { anEvent, logSetup, firstStream, positions, someEvents, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeAll(async () => {
  log = await logSetup();
});
afterAll(async () => log.drop());

const day = 86_400_000;
const hour = 3_600_000;
const startOfToday = Math.floor(Date.now() / day) * day;
const ids = (events: readonly StoredEvent[]) => events.map(({ id }) => id);

/** Events that were stored at these times, in this order. Ids are `e-0`, `e-1` ... */
async function storedAt(topic: TopicRef, times: readonly number[]): Promise<void> {
  let now = 0;
  const appender = log.appender({ now: () => new Date(now) });
  for (const [index, time] of times.entries()) {
    now = time;
    positions(await appender.append(topic, [anEvent(`e-${index}`)]));
  }
}

describe('reading a stream', () => {
  test('gives what follows a position, up to a number of events', async () => {
    const topic = await log.topic('page');
    const stream = firstStream(topic);
    await log.appender().append(topic, someEvents('a', 'b', 'c', 'd', 'e', 'f'));
    expect(ids(await log.reader.read(stream, { seq: 0 }, { events: 3 }))).toEqual(['a', 'b', 'c']);
    expect(ids(await log.reader.read(stream, { seq: 3 }, { events: 100 }))).toEqual(['d', 'e', 'f']);
    expect(await log.reader.read(stream, { seq: 6 }, { events: 100 })).toEqual([]);
  });

  test('stops at a number of bytes, but gives one event whatever its size', async () => {
    const topic = await log.topic('bytes');
    const stream = firstStream(topic);
    const sized = (id: string, bytes: number) => anEvent(id, { data: Buffer.alloc(bytes) });
    const events = [
      sized('a', 60),
      sized('b', 60),
      anEvent('none', { data: undefined }),
      sized('c', 5_000),
      sized('d', 1),
    ];
    await log.appender().append(topic, events);
    const read = async (seq: number, bytes: number) =>
      ids(await log.reader.read(stream, { seq }, { events: 10, bytes }));
    expect(await read(0, 100)).toEqual(['a', 'b', 'none']);
    expect(await read(0, 121)).toEqual(['a', 'b', 'none', 'c']);
    expect(await read(3, 1)).toEqual(['c']);
    expect(await read(0, 1_000_000)).toHaveLength(5);
  });

  test('goes on over days, with the time of the last event as without', async () => {
    const topic = await log.topic('days');
    const stream = firstStream(topic);
    const now = Date.now();
    await storedAt(topic, [now - 2 * day, now - day, now - day, now]);
    const all = await log.reader.read(stream, { seq: 0 }, { events: 10 });
    expect(ids(all)).toEqual(['e-0', 'e-1', 'e-2', 'e-3']);
    for (const [index, { seq, createdAt }] of all.entries()) {
      expect(await log.reader.read(stream, { seq, at: createdAt }, { events: 10 })).toEqual(all.slice(index + 1));
    }
  });

  test('looks only at the days that may hold an event', async () => {
    const pool = createDataPool(log.url, { max: 1 });
    const stream = firstStream(await log.topic('pruned'));
    await new LogReader(pool).read(stream, { seq: 0 }, { events: 1 });
    const explained = await pool.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) execute log_read (${stream.streamId}, 0, '${new Date(startOfToday).toISOString()}', 10, 1000)`,
    );
    const plan = explained.rows.map((row) => row['QUERY PLAN']).join('\n');
    const scanned = [...plan.matchAll(/Index Scan using (events_\w+)_pkey/g)].map((match) => match[1] ?? '');
    expect(scanned[0]).toBe(partitionName('events', dayOf(startOfToday)));
    expect(scanned).toEqual(scanned.toSorted());
    expect(plan).not.toMatch(/Seq Scan|Sort \(|Bitmap/);
    await pool.end();
  });
});

test('tells where streams end', async () => {
  const topic = await log.topic('heads', 2);
  const [one, other] = topic.streams;
  const now = new Date(Date.now() - hour);
  await log.appender({ now: () => now }).append(topic, [anEvent('a', { key: 'k' }), anEvent('b', { key: 'k' })]);
  const heads = await log.reader.heads([one?.streamId ?? 0, other?.streamId ?? 0, 2 ** 31 - 1]);
  expect([...heads.values()]).toEqual(
    expect.arrayContaining([
      { seq: 2, at: now },
      { seq: 0, at: new Date(0) },
    ]),
  );
  expect(heads.size).toBe(2);
});

describe('finding the place of a time', () => {
  test('it lies before the first event at or after it', async () => {
    const topic = await log.topic('times');
    const stream = firstStream(topic);
    const start = Math.floor(Date.now() / day) * day - day;
    // Runs of equal times, and a night in between.
    const times = [0, 0, 10, 20, 20, 20, day - 1, day, day, day + 5].map((ms) => start + ms);
    await storedAt(topic, times);
    const wanted = [-hour, 0, 1, 10, 11, 20, 21, day - 1, day, day + 1, day + 5].map((ms) => start + ms);
    for (const at of wanted) {
      const place = times.filter((time) => time < at).length;
      expect([at - start, await log.reader.positionAt(stream, new Date(at))]).toEqual([at - start, place]);
    }
    expect(await log.reader.positionAt(stream, new Date(start + 3 * day))).toBe(10);
  });

  test('an empty stream has one place', async () => {
    const stream = firstStream(await log.topic('nothing'));
    expect(await log.reader.positionAt(stream, new Date())).toBe(0);
    expect(await log.reader.earliest(stream)).toBe(0);
  });

  test('what has gone with its day comes before everything', async () => {
    const topic = await log.topic('partly-gone');
    const stream = firstStream(topic);
    const now = Date.now();
    await storedAt(topic, [now - 2 * day, now - 2 * day, now - 2 * day, now - day, now]);
    await log.pool.query("delete from events where stream_id = $1 and created_at < now() - interval '36 hours'", [
      stream.streamId,
    ]);
    expect(await log.reader.earliest(stream)).toBe(3);
    expect(await log.reader.positionAt(stream, new Date(0))).toBe(3);
    expect(await log.reader.positionAt(stream, new Date(now - hour))).toBe(4);
    await log.pool.query('delete from events where stream_id = $1', [stream.streamId]);
    expect(await log.reader.earliest(stream)).toBe(5);
    expect(await log.reader.positionAt(stream, new Date(0))).toBe(5);
  });
});

describe('single events', () => {
  test('are found by id, youngest first', async () => {
    const topic = await log.topic('find', 2);
    const now = Date.now();
    for (const daysAgo of [2, 0]) {
      const appender = log.appender({ now: () => new Date(now - daysAgo * day) });
      await appender.append(topic, [anEvent('wanted', { subject: `${daysAgo} days ago` }), anEvent('other')]);
    }
    const found = await log.reader.find('wanted', 'default');
    expect(found.map(({ subject, topic: name }) => [subject, name])).toEqual([
      ['0 days ago', 'find'],
      ['2 days ago', 'find'],
    ]);
    expect(await log.reader.find('nobody', 'default')).toEqual([]);
  });

  test('are read by their keys, which survive being a Date', async () => {
    const topic = await log.topic('keys', 2);
    await log.appender().append(
      topic,
      ['a', 'b', 'c', 'd'].map((id) => anEvent(id)),
    );
    const stored = await Promise.all(
      topic.streams.map(async (stream) => log.reader.read(stream, { seq: 0 }, { events: 9 })),
    );
    const keys = stored.flat().map(({ streamId, seq, createdAt }) => ({ streamId, seq, createdAt }));
    const missing = { streamId: 1, seq: 999, createdAt: new Date() };
    const read = await log.reader.readAt([...keys, missing]);
    expect(read.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
      stored.flat().toSorted((a, b) => a.id.localeCompare(b.id)),
    );
    expect(await log.reader.readAt([])).toEqual([]);
  });
});

describe('a topic as one', () => {
  const setup = async (name: string) => {
    const topic = await log.topic(name, 4);
    const watch = new HeadWatch({ reader: log.reader });
    return { topic, watch, topicLog: new TopicLog(log.reader, watch) };
  };

  test('comes page by page, every event once', async () => {
    const { topic, topicLog } = await setup('paged');
    await log.appender().append(
      topic,
      Array.from({ length: 50 }, (_, index) => anEvent(`a-${index}`)),
    );
    await log.appender().append(
      topic,
      Array.from({ length: 50 }, (_, index) => anEvent(`b-${index}`)),
    );
    const seen: string[] = [];
    let cursor = await topicLog.begin(topic, { kind: 'earliest' });
    for (;;) {
      const page = await topicLog.read(topic, cursor, { events: 7 });
      if (page.events.length === 0) break;
      seen.push(...ids(page.events));
      const text = formatTopicCursor(topic, page.next);
      cursor = await topicLog.begin(topic, { kind: 'after', cursor: parseTopicCursor(topic, text) ?? new Map() });
    }
    expect(new Set(seen).size).toBe(100);
    expect(seen).toHaveLength(100);
    expect(seen.slice(0, 50).every((id) => id.startsWith('a-'))).toBe(true);
  });

  test('can be paged by the position of the last event alone', async () => {
    const { topic, topicLog } = await setup('paged-by-one');
    const now = Date.now();
    for (let flush = 0; flush < 5; flush += 1) {
      const at = new Date(now + Math.floor(flush / 2));
      await log.appender({ now: () => at }).append(
        topic,
        Array.from({ length: 9 }, (_, index) => anEvent(`${flush}-${index}`)),
      );
    }
    const seen: StoredEvent[] = [];
    let cursor = await topicLog.begin(topic, { kind: 'earliest' });
    for (;;) {
      const { events } = await topicLog.read(topic, cursor, { events: 4 });
      const last = events.at(-1);
      if (!last) break;
      seen.push(...events);
      cursor = await topicLog.begin(topic, { kind: 'after', cursor: new Map([[last.streamId, last.seq]]) });
    }
    expect(new Set(ids(seen)).size).toBe(45);
    expect(seen).toHaveLength(45);
  });

  test('begins at its end, at a time or at its oldest event', async () => {
    const { topic, topicLog } = await setup('begin');
    const now = Date.now();
    await log.appender({ now: () => new Date(now - day) }).append(
      topic,
      ['a', 'b', 'c', 'd', 'e'].map((id) => anEvent(id)),
    );
    await log.appender({ now: () => new Date(now) }).append(
      topic,
      ['f', 'g', 'h'].map((id) => anEvent(id)),
    );
    const from = async (start: Parameters<TopicLog['begin']>[1]) => {
      const page = await topicLog.read(topic, await topicLog.begin(topic, start), { events: 100 });
      return ids(page.events).toSorted().join('');
    };
    expect(await from({ kind: 'earliest' })).toBe('abcdefgh');
    expect(await from({ kind: 'time', at: new Date(now - hour) })).toBe('fgh');
    expect(await from({ kind: 'latest' })).toBe('');
    expect(await from({ kind: 'after', cursor: new Map([[firstStream(topic).streamId, 999]]) })).not.toContain('x');
  });

  test('a poll waits for the next event, and gives up when its time is over', async () => {
    const { topic, topicLog, watch } = await setup('poll');
    const cursor = await topicLog.begin(topic, { kind: 'latest' });
    expect(await topicLog.poll(topic, cursor, { events: 10, waitMs: 20 })).toEqual({ events: [], next: cursor });
    const polling = topicLog.poll(topic, cursor, { events: 10, waitMs: 60_000 });
    await log.appender({ onAppended: (heads) => watch.advance(heads) }).append(topic, [anEvent('a')]);
    expect(ids((await polling).events)).toEqual(['a']);
  });
});
