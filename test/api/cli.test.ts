import { DeliveryWorker } from '@hookcast/delivery';
import { run } from '../../apps/cli/src/run.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hook: HookServer;
beforeEach(async () => {
  hook = await hookServer();
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all', HOOKCAST_DEFAULT_PARTITIONS: '1' } });
});
afterEach(async () => {
  await broker?.close();
  await hook?.close();
});

async function hookcast(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const [said, complained]: [string[], string[]] = [[], []];
  const code = await run({
    args,
    address: { url: broker.url, key: adminKey },
    say: (line) => void said.push(line),
    complain: (line) => void complained.push(line),
    signal: new AbortController().signal,
  });
  return { code, out: said.join('\n'), errors: complained.join('\n') };
}

const sql = async (text: string) => broker.database.pool.query(text);

async function delivered(events: number): Promise<void> {
  await broker.call('PUT', '/v1/subscriptions/plain', { topics: ['t'], url: hook.url });
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
  for (let n = 0; n < events; n += 1) {
    const published = await hookcast('publish', 't', `{"n":${n}}`);
    expect(published.errors).toBe('');
    expect(JSON.parse(published.out)).toMatchObject({ topic: 't', duplicate: false });
  }
  const left = 'select from cursors c join streams s using (stream_id) where c.settled_seq < s.head_seq';
  await until(async () => (await sql(left)).rowCount === 0, { what: 'everything settled' });
}

test('doctor finds nothing wrong with a healthy broker', async () => {
  await delivered(3);
  const { code, out } = await hookcast('doctor');
  expect(out).toContain('is ready, Hookcast ');
  expect(out).toContain('1 live worker(s), 0 event(s) not settled.');
  expect(out).toContain('There are no dead letters.');
  expect(out).toContain('3 event(s) and 3 deliveries are accounted for.');
  expect(out).not.toContain('BAD');
  expect(code).toBe(0);
});

test('doctor names deliveries that left no trace, unless it is told to be quick', async () => {
  await delivered(2);
  await sql('delete from attempts');
  const { code, out } = await hookcast('doctor');
  expect(out).toMatch(/^BAD {2}no-trace: plain, t at \d+:1\. /m);
  expect(code).toBe(1);
  expect((await hookcast('doctor', '--quick')).code).toBe(0);
});

test('doctor says when a bound kept it from looking at everything', async () => {
  await delivered(3);
  const { code, out } = await hookcast('doctor', '--max-events', '2');
  expect(out).toContain('2 event(s) and 2 deliveries are accounted for. Only a part of the log was looked at.');
  expect(code).toBe(0);
  expect((await hookcast('doctor', '--max-events', 'all')).code).toBe(2);
});

test('doctor names a suspended subscription, and notes a paused one', async () => {
  await delivered(1);
  await broker.call('POST', '/v1/subscriptions/plain/pause');
  const paused = await hookcast('doctor');
  expect(paused.out).toContain('note Subscription plain is paused');
  expect(paused.code).toBe(0);
  await sql("update subscriptions set state = 'suspended', state_reason = 'gone'");
  const suspended = await hookcast('doctor');
  expect(suspended.out).toContain('BAD  Subscription plain is suspended (gone); 0 event(s) wait.');
  expect(suspended.code).toBe(1);
});

test('lists topics and subscriptions', async () => {
  await delivered(1);
  expect((await hookcast('topics')).out).toMatch(/^topic .*\nt +1 /);
  expect((await hookcast('subscriptions')).out).toMatch(/^subscription .*\nplain +active +t +0 +- +http/);
});

test('a wrong key, a wrong address and a wrong word are sentences and exit codes', async () => {
  await delivered(1);
  const forbidden = await hookcast('topics', '--key', 'hc_none');
  expect(forbidden.errors).toMatch(/^GET \/v1\/topics.*: 401 .* Say the key with --key, or set HOOKCAST_KEY\.$/);
  expect(forbidden.code).toBe(1);
  const nobody = await hookcast('doctor', '--url', 'http://127.0.0.1:9');
  expect(nobody.errors).toMatch(/^Nothing answers at http:\/\/127\.0\.0\.1:9 /);
  expect(nobody.code).toBe(1);
  expect((await hookcast('dctor')).code).toBe(2);
  expect((await hookcast('topics', '--nope')).code).toBe(2);
});
