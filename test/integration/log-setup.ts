import { rows } from '@hookcast/database';
import {
  Appender,
  createStreams,
  LogReader,
  loadStreams,
  type AppendResult,
  type NewEvent,
  type StoredEvent,
  type StreamRef,
  type TopicRef,
} from '@hookcast/log';
import type pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

export interface LogSetup extends TestDatabase {
  reader: LogReader;
  topic(name: string, partitions?: number): Promise<TopicRef>;
  /** An appender as another process would have it. Stopped by `drop()`. */
  appender(options?: Omit<ConstructorParameters<typeof Appender>[0], 'pool'>): Appender;
}

/** A database of its own for a test file, with what works on it. */
export async function logSetup(): Promise<LogSetup> {
  const database = await createTestDatabase();
  const { pool } = database;
  const appenders: Appender[] = [];
  return {
    ...database,
    reader: new LogReader(pool),
    topic: async (name, partitions = 1) => createTopic(pool, name, partitions),
    appender: (options = {}) => {
      const appender = new Appender({ pool, ...options });
      appenders.push(appender);
      return appender;
    },
    drop: async () => {
      await Promise.all(appenders.map(async (appender) => appender.stop()));
      await database.drop();
    },
  };
}

async function createTopic(pool: pg.Pool, name: string, partitions: number): Promise<TopicRef> {
  const [topic] = await rows<{ id: number }>(
    pool,
    'insert into topics (name, partitions) values ($1, $2) returning id',
    [name, partitions],
  );
  if (!topic) throw new Error('The topic was not created');
  await createStreams(pool, topic.id, { from: 0, to: partitions });
  const streams = (await loadStreams(pool)).filter(({ topicId }) => topicId === topic.id);
  return { topicId: topic.id, name, retentionDays: 7, streams };
}

export function anEvent(id: string, rest: Partial<NewEvent> = {}): NewEvent {
  return { id, type: 'test', source: '/test', attributes: {}, data: Buffer.from(`{"id":"${id}"}`), ...rest };
}

/** One event for each id. */
export const someEvents = (...ids: string[]): NewEvent[] => ids.map((id) => anEvent(id));

export function firstStream(topic: TopicRef): StreamRef {
  const [stream] = topic.streams;
  if (!stream) throw new Error(`Topic ${topic.name} has no stream`);
  return stream;
}

/** `position` of each event, marked when it is a duplicate: `4:1`, `4:1 again`. */
export function positions(result: AppendResult): string[] {
  if (result.kind !== 'appended') throw new Error(`Not appended: ${JSON.stringify(result)}`);
  return result.events.map(({ position, duplicate }) => (duplicate ? `${position} again` : position));
}

export async function readAll(reader: LogReader, topic: TopicRef): Promise<StoredEvent[]> {
  const streams = topic.streams.map(async (stream) => reader.read(stream, { seq: 0 }, { events: 100_000 }));
  return (await Promise.all(streams)).flat();
}

/** Keeps a topic's streams locked until `release()`, and says who waits for them. */
export async function lockStreams(pool: pg.Pool, topic: TopicRef) {
  const client = await pool.connect();
  await client.query('begin');
  await client.query('select from streams where topic_id = $1 for update', [topic.topicId]);
  const { rows: pids } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const waiting = async () => {
    const found = await pool.query<{ pid: number }>(
      'select pid from pg_stat_activity where $1 = any(pg_blocking_pids(pid)) or pid in (select pid from pg_locks where not granted)',
      [pids[0]?.pid],
    );
    return found.rows.map(({ pid }) => pid);
  };
  return {
    client,
    /** The backends that wait, once there are as many as expected. */
    waiters: async (count: number) =>
      until(
        async () => {
          const found = await waiting();
          return found.length >= count && found;
        },
        { what: `${count} appends that wait for the lock` },
      ),
    release: async () => {
      await client.query('commit');
      client.release();
    },
  };
}
