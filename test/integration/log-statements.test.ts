import { AppendConnection } from '../../libs/log/src/append/append-connection.js';
import { appendBatches } from '../../libs/log/src/append/append-log.js';
import { addDays, partitionName } from '../../libs/log/src/days/day.js';
import { toRequest, type AppendRequest } from '../../libs/log/src/append/append-request.js';
import { Flusher } from '../../libs/log/src/append/flusher.js';
import { toColumns } from '../../libs/log/src/event.js';
import type { TopicRef } from '@hookcast/log';
import { until } from '../support/until.js';
import { anEvent, logSetup, type LogSetup } from './log-setup.js';

let log: LogSetup;
let connection: AppendConnection;
beforeAll(async () => {
  log = await logSetup();
  connection = new AppendConnection({ pool: log.pool, timeoutMs: 5_000 });
});
afterAll(async () => {
  await connection.close();
  await log.drop();
});

async function append(streamIds: number[], events: number) {
  const { client, day } = await connection.open();
  const rows = Array.from({ length: events }, (_, index) =>
    toColumns(anEvent(`${streamIds.join()}-${events}-${index}`), 't'),
  );
  await appendBatches(
    client,
    streamIds.map((streamId) => ({ streamId, rows })),
    { day, now: undefined },
  );
}

async function prepared(): Promise<{ name: string; generic_plans: string; custom_plans: string }[]> {
  const { client } = await connection.open();
  const found = await client.query('select name, generic_plans, custom_plans from pg_prepared_statements');
  return found.rows;
}

async function explain(text: string): Promise<string> {
  const { client } = await connection.open();
  const found = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${text}`);
  return found.rows.map((row) => row['QUERY PLAN']).join('\n');
}

test('batches of any size and any streams run one prepared statement, planned once', async () => {
  const topic = await log.topic('constant', 3);
  const streamIds = topic.streams.map(({ streamId }) => streamId);
  for (const events of [1, 7, 100, 1]) await append(streamIds, events);
  const { day } = await connection.open();
  expect(await prepared()).toEqual([
    { name: `append_${partitionName('events', day)}`, generic_plans: '12', custom_plans: '0' },
  ]);
});

test('ids are looked up by index, even in a plan that was made while the day was empty', async () => {
  const { client, day } = await connection.open();
  const [today, yesterday] = [partitionName('events', day), partitionName('events', addDays(day, -1))];
  // The worst that can happen to a plan: statistics that say there is nothing.
  await client.query(`delete from ${today}`);
  await client.query(`vacuum analyze ${today}`);
  await client.query(`vacuum analyze ${yesterday}`);
  const [statement] = await prepared();
  const plan = await explain(
    `execute ${statement?.name}(1, null, array['a'], ${Array(7).fill('null').join()}, 1, null, null, null, false)`,
  );
  expect(plan).toContain(`Index Scan using ${today}_id`);
  expect(plan).toContain(`Index Scan using ${yesterday}_id`);
  expect(plan).not.toMatch(/Seq Scan on events/);
  expect(plan).toMatch(/Index Scan using streams_pk|Seq Scan on streams/);
});

test('the newest version of a stream is found from the end of the index: an open snapshot keeps all others', async () => {
  await append([(await log.topic('versions')).streams[0]?.streamId ?? 0], 1);
  const [statement] = await prepared();
  const plan = await explain(
    `execute ${statement?.name}(1, null, array['a'], ${Array(7).fill('null').join()}, 1, null, null, null, true)`,
  );
  expect(plan).toMatch(/Tid Scan on streams s\n\s+TID Cond: \(ctid = \(InitPlan \d+\)\.col1\)/);
  expect(plan).toContain('Index Scan Backward using streams_pk on streams n');
});

describe('a stream to which another process appends at the same moment', () => {
  const flusherOf = (own: AppendConnection) =>
    new Flusher<AppendRequest>({ connection: own, now: undefined, makeDay: async () => {}, retryAfterSeconds: 1 });
  const requestOf = (topic: TopicRef, id: string) => {
    const check = toRequest(topic, [anEvent(id)]);
    if (check.kind === 'conflict') throw new Error('It conflicts');
    return check.request;
  };

  test('is stored to behind it, and locked first from then on', async () => {
    const topic = await log.topic('contended');
    const streamId = topic.streams[0]?.streamId ?? 0;
    const own = new AppendConnection({ pool: log.pool, timeoutMs: 5_000 });
    const other = await log.pool.connect();
    try {
      const flusher = flusherOf(own);
      const flush = async (id: string) => {
        const request = requestOf(topic, id);
        const { answers } = await flusher.flush([request]);
        return answers.get(request);
      };
      await flush('first');
      const { contention, client } = await own.open();
      expect(contention.isContended(streamId)).toBe(false);

      await other.query('begin');
      await other.query('update streams set head_seq = head_seq + 1 where stream_id = $1', [streamId]);
      const flushed = flush('second');
      const waits = `select 1 from pg_stat_activity where application_name like '%append' and wait_event_type = 'Lock'`;
      await until(async () => ((await log.pool.query(waits)).rowCount ?? 0) > 0, { what: 'the append to wait' });
      await other.query('commit');
      expect(await flushed).toMatchObject({ kind: 'appended', events: [{ position: `${streamId}:3` }] });
      expect(contention.isContended(streamId)).toBe(true);

      await flush('third');
      const runs = `select (generic_plans + custom_plans)::int as runs from pg_prepared_statements where name = 'lock_stream'`;
      expect((await client.query(runs)).rows).toEqual([{ runs: 2 }]);
    } finally {
      other.release();
      await own.close();
    }
  });

  test('is told why a flush was refused, although others were to be locked behind it', async () => {
    const own = new AppendConnection({ pool: log.pool, timeoutMs: 5_000 });
    try {
      const flusher = flusherOf(own);
      const [first, second] = [await log.topic('refused'), await log.topic('behind')];
      const requestWith = (topic: TopicRef, id: string, data: string) => {
        const check = toRequest(topic, [anEvent(id, { data: Buffer.from(data) })]);
        if (check.kind === 'conflict') throw new Error('It conflicts');
        return check.request;
      };
      await flusher.flush([requestWith(first, 'taken', '{"n":1}')]);
      const { contention } = await own.open();
      contention.noticed([first, second].flatMap(({ streams }) => streams.map(({ streamId }) => streamId)));
      const [other, next] = [requestWith(first, 'taken', '{"n":2}'), requestWith(second, 'new', '{"n":1}')];
      const { answers } = await flusher.flush([other, next]);
      expect(answers.get(other)).toEqual({ kind: 'conflict', ids: ['taken'] });
      expect(answers.get(next)).toMatchObject({ kind: 'appended' });
    } finally {
      await own.close();
    }
  });
});

test('a stream that is known to have grown today is not looked at twice', async () => {
  const topic = await log.topic('grown');
  const streamId = topic.streams[0]?.streamId ?? 0;
  await append([streamId], 1);
  const { client } = await connection.open();
  const [statement] = await prepared();
  const looks = async (id: string, isGrown: boolean) => {
    const values = `${streamId}, null, array['${id}'], ${Array(7).fill('null').join()}, 1, array['{}'], null, null, ${isGrown}`;
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off, summary off, buffers off) execute ${statement?.name}(${values})`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    return /CTE before\n\s+->[^\n]*\(([^)]+)\)/.exec(plan)?.[1];
  };
  expect(await looks('first', false)).toMatch(/^actual rows=1/);
  expect(await looks('second', true)).toBe('never executed');
});

test('a new day frees the statement of the day before', async () => {
  const topic = await log.topic('new-day');
  const { day } = await connection.open();
  await connection.moveTo(addDays(day, 1));
  await append([topic.streams[0]?.streamId ?? 0], 1);
  expect((await prepared()).map(({ name }) => name)).toEqual([`append_${partitionName('events', addDays(day, 1))}`]);
});
