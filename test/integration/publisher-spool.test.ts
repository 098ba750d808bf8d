import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublisher, PublishError } from '@hookcast/publisher';
import { until } from '../support/until.js';
import type { PublishApi } from './publish-api.js';
import { api, folder, numbered, publisher } from './spool-setup.js';

const ids = (broker: PublishApi) => broker.stored.map(({ id }) => id);

test('while the broker is there nothing is spooled', async () => {
  const broker = await api();
  const directory = folder();
  const bus = publisher(broker.url, directory);
  const published = await bus.publish('orders', { n: 1 }, { id: 'a' });
  expect(published).toEqual({ id: 'a', topic: 'orders', position: '1:1', duplicate: false });
  expect(readdirSync(directory)).toEqual(['lock']);
});

test('what is published while the broker is away is safe at once, and stored in order when it is back', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder());
  broker.away();
  const calls = numbered(2_500).map((id) => bus.publish('orders', { id }, { id }));
  const [first] = await Promise.all(calls);
  expect(first).toEqual({ id: 'e0', topic: 'orders', position: undefined, duplicate: false, spooled: true });
  expect(bus.spooled.events).toBe(2_500);
  expect(broker.stored).toEqual([]);
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(numbered(2_500));
  expect((await bus.publish('orders', {}, { id: 'after' })).position).toBe('1:2501');
});

test('nothing overtakes what is spooled', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder());
  broker.away();
  await bus.publish('orders', {}, { id: 'first', key: 'k' });
  broker.back();
  const later = await Promise.all([
    bus.publish('orders', {}, { id: 'second', key: 'k' }),
    bus.publish('orders', {}, { id: 'third', key: 'k' }),
  ]);
  expect(later.map(({ id }) => id)).toEqual(['second', 'third']);
  await until(() => broker.stored.length === 3);
  expect(ids(broker)).toEqual(['first', 'second', 'third']);
});

test('a broker that accepts and never answers holds nobody up for longer than afterMs', async () => {
  const broker = await api();
  const release = broker.hold();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', afterMs: 50 } });
  const published = await bus.publish('orders', {}, { id: 'a' });
  expect(published.spooled).toBe(true);
  release();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['a']);
});

test('a broker that is up and slow is waited for once, and asked first again once it is quick', async () => {
  const broker = await api();
  const afterMs = 50;
  const bus = publisher(broker.url, folder(), { spool: { directory: '', afterMs } });
  const publish = async (id: string) => (await bus.publish('orders', {}, { id })).spooled === true;
  const release = broker.hold();
  expect(await publish('first')).toBe(true);
  await until(() => broker.requests().length === 2, { what: 'the request out of the spool' });
  const asked = performance.now();
  // None of them waits for the broker: it answers nobody.
  for (const id of numbered(20)) expect(await publish(id)).toBe(true);
  expect(broker.stored).toEqual([]);
  await until(() => performance.now() - asked > afterMs, { what: 'an answer that is slow' });
  const releaseNext = broker.hold();
  release();
  await until(() => broker.stored.length === 1, { what: 'the first event' });
  await until(() => broker.requests().length === 3, { what: 'the others' });
  const askedAgain = performance.now();
  await until(() => performance.now() - askedAgain > afterMs, { what: 'another slow answer' });
  const hang = broker.hold();
  releaseNext();
  await until(() => bus.spooled.events === 0, { what: 'an empty spool' });
  expect(await publish('behind')).toBe(true);
  hang();
  await until(async () => !(await publish(`later-${String(Math.random())}`)), {
    what: 'a call that the broker answers',
  });
});

test('with afterMs 0 no call waits for the broker', async () => {
  const broker = await api();
  const release = broker.hold();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', afterMs: 0 } });
  for (const id of numbered(5)) expect(await bus.publish('orders', {}, { id })).toMatchObject({ id, spooled: true });
  expect(broker.stored).toEqual([]);
  release();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(numbered(5));
  expect(await bus.publish('orders', {}, { id: 'quick' })).toMatchObject({ spooled: true });
});

test('a batch stays whole in the spool', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder());
  broker.away();
  await bus.publishBatch('orders', [{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  broker.back();
  await until(() => broker.stored.length === 3);
  expect(broker.requests().at(-1)).toEqual(['a', 'b', 'c']);
});

test('out of the spool everything of a topic comes in the order of the calls: with keys and without, batches and single events', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder());
  broker.away();
  await bus.publish('orders', {}, { id: '1' });
  await bus.publish('orders', {}, { id: '2', key: 'k' });
  await bus.publish('orders', {}, { id: '3' });
  await bus.publishBatch('orders', [
    { id: '4', key: 'k' },
    { id: '5', key: 'k' },
  ]);
  await bus.publish('orders', {}, { id: '6', key: 'k' });
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['1', '2', '3', '4', '5', '6']);
});

test('flush waits for calls that go into the spool', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', afterMs: 0 } });
  broker.away();
  const settled: string[] = [];
  for (const id of numbered(3)) void bus.publish('orders', {}, { id }).then(() => settled.push(id));
  await bus.flush();
  expect(settled).toEqual(numbered(3));
});

test.each([
  [404, 'default backend - 404'],
  [400, '<html>'],
  [405, ''],
  [301, ''],
  [409, '<html>'],
])('an answer %i that is not about the event (%s) throws nothing out of the spool', async (status, body) => {
  const broker = await api();
  const directory = folder();
  const bus = publisher(broker.url, directory);
  broker.away();
  await bus.publishBatch('orders', [{ id: 'a' }, { id: 'b' }]);
  await bus.publish('orders', {}, { id: 'c' });
  const seen = broker.server.requests.length;
  broker.server.answer({ status, body }, { status, body }, { status, body });
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(broker.server.requests.length).toBeGreaterThanOrEqual(seen + 4);
  expect(ids(broker)).toEqual(['a', 'b', 'c']);
  expect(readdirSync(directory)).not.toContain('rejected.jsonl');
});

test('the next start publishes what the last one left, without the record it was writing', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  const before = publisher(broker.url, directory);
  for (const id of ['a', 'b', 'c']) await before.publish('orders', {}, { id });
  await before.close({ timeoutMs: 0 });
  const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.spool'));
  truncateSync(join(directory, segment), statSync(join(directory, segment)).size - 5);
  broker.back();
  const bus = publisher(broker.url, directory);
  expect(bus.spooled.events).toBe(2);
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['a', 'b']);
});

test('damaged bytes are kept apart and told, not published and not forgotten', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  const before = publisher(broker.url, directory);
  for (const id of ['a', 'b']) await before.publish('orders', {}, { id });
  await before.close({ timeoutMs: 0 });
  const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.spool'));
  const file = readFileSync(join(directory, segment));
  file[file.length - 1] = (file.at(-1) ?? 0) ^ 1;
  writeFileSync(join(directory, segment), file);
  broker.back();
  const damaged: string[] = [];
  const bus = publisher(broker.url, directory, { hooks: { onDamaged: (files) => damaged.push(...files) } });
  expect(damaged).toEqual([join(directory, `${segment}.damaged`)]);
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['a']);
});

test('a full spool refuses, and takes more when some is published', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', maxBytes: 1_000, segmentBytes: 300 } });
  broker.away();
  await bus.publish('orders', { filler: 'x'.repeat(500) }, { id: 'a' });
  const refused = bus.publish('orders', { filler: 'x'.repeat(500) }, { id: 'b' });
  await expect(refused).rejects.toMatchObject({ reason: 'spool-full', retryable: true, eventId: 'b' });
  broker.back();
  await until(() => bus.spooled.events === 0);
  broker.away();
  expect((await bus.publish('orders', {}, { id: 'c' })).spooled).toBe(true);
});

test('an event that the broker refuses from the spool is written down and told', async () => {
  const broker = await api();
  const directory = folder();
  const rejected: string[] = [];
  const bus = publisher(broker.url, directory, {
    hooks: { onRejected: ({ id, error }) => rejected.push(`${id} ${error.reason}`) },
  });
  broker.away();
  await bus.publish('orders', {}, { id: 'bad', subject: 'poison' });
  await bus.publish('orders', {}, { id: 'good' });
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['good']);
  expect(rejected).toEqual(['bad refused']);
  const line = JSON.parse(readFileSync(join(directory, 'rejected.jsonl'), 'utf8')) as Record<string, unknown>;
  expect(line).toMatchObject({ topic: 'orders', id: 'bad', reason: 'refused', status: 422 });
});

test('two publishers do not share a spool', async () => {
  const broker = await api();
  const directory = folder();
  publisher(broker.url, directory);
  expect(() => publisher(broker.url, directory)).toThrow(`in use by process ${process.pid}`);
});

test('passed segments are removed', async () => {
  const broker = await api();
  const directory = folder();
  const bus = publisher(broker.url, directory, { spool: { directory: '', segmentBytes: 200 } });
  broker.away();
  for (const id of numbered(20)) await bus.publish('orders', {}, { id });
  const before = readdirSync(directory).filter((name) => name.endsWith('.spool')).length;
  expect(before).toBeGreaterThan(5);
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(numbered(20));
  expect(readdirSync(directory).filter((name) => name.endsWith('.spool')).length).toBeLessThan(3);
});

test('kill -9 loses nothing that the service was told is safe', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  const safe: string[] = [];
  for (const prefix of ['one', 'two', 'three']) {
    const program = fileURLToPath(new URL('../support/spool-publisher.mjs', import.meta.url));
    const child = spawn(process.execPath, [program, broker.url, directory, prefix], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await until(() => told.split('\n').length > 50);
    child.kill('SIGKILL');
    await once(child, 'close');
    safe.push(...told.split('\n').filter((id) => /-\d+$/.test(id)));
  }
  broker.back();
  const bus = publisher(broker.url, directory);
  await until(() => bus.spooled.events === 0);
  const stored = ids(broker);
  expect(safe.filter((id) => !stored.includes(id))).toEqual([]);
  const place = (id: string) => stored.indexOf(id);
  expect(safe.map(place)).toEqual(safe.map(place).toSorted((a, b) => a - b));
}, 60_000);

test('the mode and its options are checked when the publisher is made', () => {
  const base = { url: 'http://127.0.0.1:1', apiKey: 'k' };
  expect(() => createPublisher({ ...base, mode: 'spool' })).toThrow('spool.directory is missing');
  expect(() => createPublisher({ ...base, spool: { directory: '/tmp/x' } })).toThrow("mode: 'spool'");
  expect(PublishError).toBeDefined();
});

test('the trace of the caller travels, unless the call brings its own', async () => {
  const broker = await api();
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const bus = publisher(broker.url, folder(), { trace: () => ({ traceparent, tracestate: 'a=1' }) });
  await bus.publish('orders', {}, { id: 'a' });
  await bus.publish('orders', {}, { id: 'b', traceparent: traceparent.replace('01', '00') });
  expect(broker.stored.map(({ extensions }) => extensions)).toEqual([
    { traceparent, tracestate: 'a=1' },
    { traceparent: traceparent.replace('01', '00') },
  ]);
});
