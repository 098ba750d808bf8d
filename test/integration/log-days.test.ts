import { createCursors, DayPartitions, ensureDays, type TopicRef } from '@hookcast/log';
import pg from 'pg';
import { addDays, dayOf, partitionName, startOf } from '../../libs/log/src/days/day.js';
import { detachPartition, listPartitions } from '../../libs/log/src/days/partitions-store.js';
import { until } from '../support/until.js';
import { anEvent, logSetup, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeEach(async () => {
  log = await logSetup();
  await dropAll();
  await ensureDays(log.pool, noon(-3), 7);
});
afterEach(async () => log.drop());

const dayMs = 86_400_000;
const today = dayOf(Date.now());
const noon = (daysFromNow: number) => new Date(startOf(addDays(today, daysFromNow)).getTime() + dayMs / 2);
const events = (daysFromNow: number) => partitionName('events', addDays(today, daysFromNow));
const attempts = (daysFromNow: number) => partitionName('attempts', addDays(today, daysFromNow));

/** As the program would run `daysFromNow`. */
const days = (daysFromNow: number, lines: string[] = []) =>
  new DayPartitions({ pool: log.pool, now: () => noon(daysFromNow), log: (name) => lines.push(name) });

async function attached(table: 'events' | 'attempts'): Promise<string[]> {
  const found = await listPartitions(log.pool);
  return found.filter((one) => one.table === table && one.state === 'attached').map(({ name }) => name);
}

const publish = async (topic: TopicRef, daysFromNow: number, ids: string[]) =>
  log.appender({ now: () => noon(daysFromNow) }).append(
    topic,
    ids.map((id) => anEvent(id)),
  );

async function cursorOf(subscriptionId: number) {
  const { rows } = await log.pool.query(
    `select settled_seq::int as settled, settled_at as at, above::text, expired::int from cursors where subscription_id = $1`,
    [subscriptionId],
  );
  return rows[0];
}

async function dropAll(): Promise<void> {
  for (const { name } of await listPartitions(log.pool)) await log.pool.query(`drop table ${name}`);
}

describe('creating days', () => {
  test('makes yesterday to three days ahead, of both tables, once', async () => {
    await dropAll();
    const expected = [-1, 0, 1, 2, 3];
    expect(await days(0).runOnce()).toEqual({
      created: 10,
      dropped: 0,
      expired: 0,
      buried: 0,
      trimmed: 0,
      held: 0,
    });
    expect(await attached('events')).toEqual(expected.map(events));
    expect(await attached('attempts')).toEqual(expected.map(attempts));
    expect(await days(0).runOnce()).toMatchObject({ created: 0 });
    expect(await days(1).runOnce()).toMatchObject({ created: 2 });
  });

  test('several processes may do it at the same moment', async () => {
    await dropAll();
    const made = await Promise.all([1, 2, 3, 4].map(async () => ensureDays(log.pool, noon(0), 3)));
    expect(made.flat().toSorted()).toEqual([0, 1, 2].flatMap((day) => [events(day), attempts(day)]).toSorted());
    expect(await attached('events')).toEqual([0, 1, 2].map(events));
  });

  test('each day holds exactly a UTC day and has the index that finds repeated ids', async () => {
    const { rows } = await log.pool.query(
      `select pg_get_expr(relpartbound, oid) as bound, reloptions,
         array(select pg_get_indexdef(indexrelid) from pg_index where indrelid = c.oid order by 1) as indexes
       from pg_class c where relname = $1`,
      [(await days(20).ensure(noon(20), 1)).find((name) => name.startsWith('events'))],
    );
    const [day, next] = [addDays(today, 20), addDays(today, 21)];
    expect(rows[0].bound).toBe(`FOR VALUES FROM ('${day} 00:00:00+00') TO ('${next} 00:00:00+00')`);
    expect(rows[0].indexes.join('\n')).toMatch(/UNIQUE INDEX .*_id .*\(event_id, stream_id\)/);
    expect(rows[0].indexes.join('\n')).toMatch(/UNIQUE INDEX .*_pkey .*\(stream_id, seq, created_at\)/);
    expect(rows[0].reloptions).toContain('autovacuum_vacuum_insert_threshold=-1');
  });

  test('waits for no reader and holds none up', async () => {
    const reader = await log.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from events');
    expect(await ensureDays(log.pool, noon(30), 1)).toHaveLength(2);
    await reader.query('select count(*) from events');
    await reader.query('rollback');
    reader.release();
  });
});

describe('dropping days', () => {
  test('keeps a day until the longest retention of any topic has passed', async () => {
    await log.topic('short');
    const long = await log.topic('long');
    await log.pool.query("update topics set retention_days = 1 where name = 'short'");
    await log.pool.query("update topics set retention_days = 10 where name = 'long'");
    await days(0).runOnce();
    expect(await days(9).runOnce()).toMatchObject({ dropped: 4 }); // the two days before yesterday
    expect(await attached('events')).toContain(events(-1));
    expect(await days(10).runOnce()).toMatchObject({ dropped: 2 });
    expect(await attached('events')).not.toContain(events(-1));
    expect(await attached('attempts')).not.toContain(attempts(-1));
    await log.pool.query('delete from topics where id = $1', [long.topicId]);
    await days(10).runOnce();
    expect(await attached('events')).toEqual([9, 10, 11, 12, 13].map(events));
  });

  test('on a machine whose clock is a month ahead keeps what the database has no reason to let go', async () => {
    const topic = await log.topic('orders');
    await publish(topic, 0, ['a']);
    await createCursors(log.pool, { subscriptionId: 1, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    vi.useFakeTimers({ toFake: ['Date'], now: noon(30) });
    try {
      const nothing = { created: 0, dropped: 0, expired: 0, trimmed: 0 };
      expect(await new DayPartitions({ pool: log.pool }).runOnce()).toMatchObject(nothing);
    } finally {
      vi.useRealTimers();
    }
    expect(await cursorOf(1)).toMatchObject({ settled: 0, expired: 0 });
  });

  test('topics without a retention of their own have the default', async () => {
    await log.topic('plain');
    const partitions = new DayPartitions({ pool: log.pool, defaultRetentionDays: 2, now: () => noon(2) });
    await partitions.runOnce();
    expect(await attached('events')).toEqual([0, 1, 2, 3, 4, 5].map(events));
  });

  test('what a subscription had not settled is counted, and its cursor moves on', async () => {
    const topic = await log.topic('expires');
    const cursor = { topicIds: [topic.topicId], start: { kind: 'earliest' as const } };
    for (const subscriptionId of [1, 2, 3, 4]) await createCursors(log.pool, { subscriptionId, ...cursor });
    await publish(topic, -2, ['a', 'b', 'c', 'd', 'e', 'f']);
    await publish(topic, -1, ['g', 'h', 'i', 'j']);
    // 1: nothing settled. 2: some of the day, and right behind it. 3: the day. 4: all.
    const settle = 'update cursors set settled_seq = $2, above = $3 where subscription_id = $1';
    await log.pool.query(settle, [2, 1, '{[3,5),[7,9),[10,11)}']);
    await log.pool.query(settle, [3, 6, '{[8,9)}']);
    await log.pool.query(settle, [4, 10, '{}']);
    expect(await days(6).runOnce()).toMatchObject({ dropped: 4, expired: 6 + 3, buried: 0 });
    expect(await cursorOf(1)).toEqual({ settled: 6, at: noon(-2), above: '{}', expired: 6 });
    expect(await cursorOf(2)).toEqual({ settled: 8, at: noon(-2), above: '{[10,11)}', expired: 3 });
    expect(await cursorOf(3)).toMatchObject({ settled: 6, above: '{[8,9)}', expired: 0 });
    expect(await cursorOf(4)).toMatchObject({ settled: 10, expired: 0 });
    const [stream] = topic.streams;
    if (!stream) throw new Error('no stream');
    expect((await log.reader.read(stream, { seq: 6, at: noon(-2) }, { events: 9 })).map(({ id }) => id)).toEqual([
      'g',
      'h',
      'i',
      'j',
    ]);
  });

  test('retries of the day become dead letters that carry their event', async () => {
    const topic = await log.topic('buried');
    const [stream] = topic.streams;
    if (!stream) throw new Error('no stream');
    await publish(topic, -2, ['a', 'b']);
    await publish(topic, -1, ['c']);
    const stored = await log.reader.read(stream, { seq: 0 }, { events: 9 });
    for (const { seq, createdAt } of stored) {
      await log.pool.query(
        `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, next_at, last_error)
         values ($1, 7, $2, $3, 4, $3, 'timeout')`,
        [stream.streamId, seq, createdAt],
      );
    }
    expect(await days(6).runOnce()).toMatchObject({ buried: 2 });
    const dead = await log.pool.query('select * from dead_letters order by seq');
    expect(dead.rows).toMatchObject([
      {
        seq: '1',
        subscription_id: 7,
        reason: 'expired',
        error: 'timeout',
        attempts: 4,
        event_id: 'a',
        topic: 'buried',
        dead_at: noon(6),
      },
      { seq: '2', event_id: 'b', event_at: noon(-2), data: Buffer.from('{"id":"b"}') },
    ]);
    const left = await log.pool.query('select seq from retries');
    expect(left.rows).toEqual([{ seq: '3' }]);
  });

  test('what is redelivered goes on waiting, since its dead letter holds the event', async () => {
    const topic = await log.topic('redelivered');
    const [stream] = topic.streams;
    await publish(topic, -2, ['a']);
    await log.pool.query(
      `insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts, event_at, event_id, topic)
       values ($1, 7, 1, now(), 'exhausted', 13, $2, 'a', 'redelivered')`,
      [stream?.streamId, noon(-2)],
    );
    await log.pool.query(
      `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at) values ($1, 7, 1, $2, 0, 2, $2)`,
      [stream?.streamId, noon(-2)],
    );
    await days(6).runOnce();
    const dead = await log.pool.query('select reason from dead_letters');
    expect(dead.rows).toEqual([{ reason: 'exhausted' }]);
    expect((await log.pool.query('select from retries')).rowCount).toBe(1);
  });

  test('publishing and reading go on while a day waits for a reader of it', async () => {
    const topic = await log.topic('goes-on');
    await createCursors(log.pool, { subscriptionId: 1, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    await publish(topic, -2, ['old', 'older']);
    await log.pool.query(`drop table ${events(-3)}, ${attempts(-3)}`);
    const reader = await log.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from events');
    const dropping = days(6).runOnce();
    const waits = async () => {
      const found = await log.pool.query(
        "select from pg_stat_activity where datname = current_database() and query like '%concurrently%' and wait_event_type = 'Lock'",
      );
      return found.rowCount === 1;
    };
    await until(waits, { what: 'the detach that waits' });
    // Counted before anybody can find the day gone and take the gap for settled.
    expect(await cursorOf(1)).toMatchObject({ settled: 2, expired: 2 });
    await publish(topic, 0, ['a']);
    expect(await ensureDays(log.pool, noon(40), 1)).toHaveLength(2);
    expect((await log.reader.find('a', 'default')).map(({ id }) => id)).toEqual(['a']);
    await reader.query('commit');
    reader.release();
    expect(await dropping).toMatchObject({ dropped: 2, expired: 2 });
  });

  test('an interrupted detach is taken up again', async () => {
    const topic = await log.topic('interrupted');
    await createCursors(log.pool, { subscriptionId: 1, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    await publish(topic, -2, ['a', 'b']);
    const reader = await log.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from events');
    const client = new pg.Client({ connectionString: log.url });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const [partition] = (await listPartitions(log.pool)).filter(({ name }) => name === events(-2));
    if (!partition) throw new Error('no partition');
    const detaching = detachPartition(client, partition).catch(() => 'interrupted');
    await until(async () => (await listPartitions(log.pool)).some(({ state }) => state === 'detaching'), {
      what: 'the detach',
    });
    await log.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    expect(await detaching).toBe('interrupted');
    await reader.query('commit');
    reader.release();
    await client.end().catch(() => {});

    expect(await days(0).runOnce()).toMatchObject({ dropped: 1, expired: 2 });
    expect(await listPartitions(log.pool)).not.toContainEqual(expect.objectContaining({ name: events(-2) }));
    expect(await cursorOf(1)).toMatchObject({ settled: 2, expired: 2 });
  });

  test('a day that was detached but not dropped is accounted for and dropped', async () => {
    const topic = await log.topic('detached');
    await createCursors(log.pool, { subscriptionId: 1, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    await publish(topic, -2, ['a', 'b', 'c']);
    await log.pool.query(`alter table events detach partition ${events(-2)}`);
    expect(await days(0).runOnce()).toMatchObject({ dropped: 0 }); // it is not due, whoever detached it
    expect(await days(6).runOnce()).toMatchObject({ dropped: 4, expired: 3 });
    expect(await cursorOf(1)).toMatchObject({ settled: 3, expired: 3 });
  });

  test('several processes at once drop each day once', async () => {
    const topic = await log.topic('at-once');
    await createCursors(log.pool, { subscriptionId: 1, topicIds: [topic.topicId], start: { kind: 'earliest' } });
    await publish(topic, -2, ['a', 'b']);
    const counts = await Promise.all([1, 2, 3].map(async () => days(8).runOnce()));
    const sum = (name: 'dropped' | 'expired') => counts.reduce((total, each) => total + each[name], 0);
    expect([sum('dropped'), sum('expired')]).toEqual([8, 2]);
    expect(await cursorOf(1)).toMatchObject({ expired: 2 });
  });

  test('runs by itself until it is stopped, whatever goes wrong', async () => {
    const lines: string[] = [];
    const partitions = days(6, lines);
    partitions.start();
    await until(() => lines.filter((name) => name === 'log.day-dropped').length === 4, { what: 'the day dropped' });
    await partitions.stop();
    await log.pool.query('alter table topics rename to topics_gone');
    const failing = days(7, lines);
    failing.start();
    await until(() => lines.includes('log.days-failed'), { what: 'the failure' });
    await failing.stop();
  });
});
