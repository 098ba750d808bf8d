import { createDataPool } from '@hookcast/database';
import { Appender, type AppendResult } from '@hookcast/log';
import pg from 'pg';
import { AppendConnection } from '../../libs/log/src/append/append-connection.js';
import { until } from '../support/until.js';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { anEvent, lockStreams, logSetup, positions, readAll, type LogSetup } from './log-setup.js';

let log: LogSetup;
let proxy: DatabaseProxy;
let pool: pg.Pool;
const appenders: Appender[] = [];
beforeAll(async () => {
  log = await logSetup();
  proxy = await databaseProxy(log.url);
  pool = createDataPool(proxy.url, { max: 2 });
});
afterEach(async () => {
  proxy.mend();
  await Promise.all(appenders.splice(0).map(async (one) => one.stop()));
});
afterAll(async () => {
  await pool.end();
  await proxy.close();
  await log.drop();
});

/** An appender that reaches the database through the proxy. */
function appender(lines: string[] = []): Appender {
  const made = new Appender({ pool, timeoutMs: 400, log: (name) => lines.push(name) });
  appenders.push(made);
  return made;
}

const untilAppended = async (append: () => Promise<AppendResult>) =>
  until(
    async () => {
      const result = await append();
      return result.kind === 'appended' && result;
    },
    { what: 'an append that works again' },
  );

test('a connection that was ended while idle is replaced unnoticed', async () => {
  const topic = await log.topic('idle');
  const one = appender();
  await one.append(topic, [anEvent('a')]);
  await log.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like '%append'",
  );
  await until(async () => {
    const open = await log.pool.query(
      "select from pg_stat_activity where datname = current_database() and application_name like '%append'",
    );
    return open.rowCount === 0;
  });
  const results = await Promise.all([1, 2, 3].map(async (id) => one.append(topic, [anEvent(`b-${id}`)])));
  // The news of the end and the next append may cross; then nobody knows, and it says so.
  for (const { kind } of results) expect(['appended', 'unavailable']).toContain(kind);
  await untilAppended(async () => one.append(topic, [anEvent('c')]));
});

test('a backend that dies in the middle leaves the outcome open, and the next append works', async () => {
  const topic = await log.topic('killed');
  const one = appender();
  await one.append(topic, [anEvent('a')]);
  const lock = await lockStreams(log.pool, topic);
  const appending = one.append(topic, [anEvent('b')]);
  const [pid] = await lock.waiters(1);
  await log.pool.query('select pg_terminate_backend($1)', [pid]);
  expect(await appending).toMatchObject({ kind: 'unavailable' });
  await lock.release();
  const again = await one.append(topic, [anEvent('b')]);
  expect(positions(again)).toEqual([expect.stringMatching(/:2$/)]);
});

test('a commit whose answer is lost is not called a failure, and repeating it finds the event', async () => {
  const topic = await log.topic('lost-answer', 4);
  const one = appender();
  await one.append(topic, [anEvent('a')]);
  const events = ['b', 'c', 'd', 'e', 'f'].map((id) => anEvent(id));
  proxy.silence('answers');
  const appending = one.append(topic, events);
  await until(async () => (await readAll(log.reader, topic)).length === 6, { what: 'the commit' });
  proxy.cut();
  expect(await appending).toMatchObject({ kind: 'unavailable', retryAfterSeconds: 2 });
  proxy.mend();
  const again = await untilAppended(async () => one.append(topic, events));
  expect(positions(again).every((position) => position.endsWith('again'))).toBe(true);
  expect(await readAll(log.reader, topic)).toHaveLength(6);
});

test('a server that answers no more is given up in time', async () => {
  const topic = await log.topic('silent');
  const one = appender();
  await one.append(topic, [anEvent('a')]);
  proxy.silence('both');
  const began = performance.now();
  expect(await one.append(topic, [anEvent('b')])).toMatchObject({ kind: 'unavailable' });
  expect(performance.now() - began).toBeLessThan(25_000);
  proxy.mend();
  await untilAppended(async () => one.append(topic, [anEvent('b')]));
});

test('a stream that somebody keeps locked is given up in time, and stored nothing', async () => {
  const topic = await log.topic('locked');
  const one = appender();
  await one.append(topic, [anEvent('a')]);
  const lock = await lockStreams(log.pool, topic);
  expect(await one.append(topic, [anEvent('b')])).toMatchObject({ kind: 'unavailable' });
  await lock.release();
  positions(await one.append(topic, [anEvent('c')]));
  expect((await readAll(log.reader, topic)).map(({ id }) => id)).toEqual(['a', 'c']);
});

test('while the database is away appends are refused at once, and work again by themselves', async () => {
  const topic = await log.topic('away');
  const lines: string[] = [];
  const one = appender(lines);
  await one.append(topic, [anEvent('a')]);
  proxy.cut();
  await until(async () => (await one.append(topic, [anEvent('b')])).kind === 'unavailable' && lines.length > 0);
  const began = performance.now();
  const refused = await Promise.all(
    Array.from({ length: 2_000 }, async (_, id) => one.append(topic, [anEvent(`lost-${id}`)])),
  );
  expect(performance.now() - began).toBeLessThan(10_000);
  for (const result of refused) expect(result).toMatchObject({ kind: 'unavailable', retryAfterSeconds: 2 });
  proxy.mend();
  await untilAppended(async () => one.append(topic, [anEvent('c')]));
  expect((await readAll(log.reader, topic)).map(({ id }) => id)).toEqual(['a', 'c']);
  expect(lines).toEqual(['append.unavailable', 'append.resumed']);
});

test('an appender that starts without a database waits for it', async () => {
  const topic = await log.topic('later');
  proxy.cut();
  const one = appender();
  expect(await one.append(topic, [anEvent('a')])).toMatchObject({ kind: 'unavailable' });
  proxy.mend();
  await untilAppended(async () => one.append(topic, [anEvent('a')]));
});

test('commits durably even where the server does not by default', async () => {
  const { database } = new pg.Client({ connectionString: log.url });
  await log.pool.query(`alter database ${database} set synchronous_commit = off`);
  const connection = new AppendConnection({ pool, timeoutMs: 1_000 });
  const { client } = await connection.open();
  const { rows } = await client.query('show synchronous_commit');
  expect(rows).toEqual([{ synchronous_commit: 'on' }]);
  await connection.close();
});
