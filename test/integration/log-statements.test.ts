import { AppendConnection } from '../../libs/log/src/append/append-connection.js';
import { appendBatches } from '../../libs/log/src/append/append-log.js';
import { addDays, partitionName } from '../../libs/log/src/days/day.js';
import { toColumns } from '../../libs/log/src/event.js';
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
