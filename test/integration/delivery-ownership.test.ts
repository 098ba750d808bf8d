import type { DeliveryWorker } from '@hookcast/delivery';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 4);
});
afterEach(async () => run.close());

const publish = async (count: number, from = 0) =>
  run.publish(
    'orders.created',
    Array.from({ length: count }, (_, index) => ({ id: `e${from + index}` })),
  );
const ids = () => requestsOf(run.hooks, 'billing').map(({ headers }) => String(headers['webhook-id']));
const silence = async (host: string) =>
  run.rows(`update workers set heartbeat_at = now() - interval '11 seconds' where host = $1`, [host]);
const owners = async () =>
  run.rows<{ host: string | null; streams: number; epoch: number }>(
    `select w.host, count(*)::int as streams, max(a.epoch)::int as epoch
       from assignments a left join workers w on w.worker_id = a.owner group by 1 order by 1`,
  );
const settled = async () =>
  (
    await run.rows<{ done: boolean }>(
      'select bool_and(settled_seq = head_seq) as done from cursors join streams using (stream_id)',
    )
  )[0]?.done;

/** Two workers on two hosts, each with its half. */
async function twoWorkers(): Promise<[DeliveryWorker, DeliveryWorker]> {
  const [a, b] = [run.worker({ host: 'a' }), run.worker({ host: 'b' })];
  a.start();
  await until(() => a.ownedStreams.length === 4, { what: 'the first worker to own all' });
  b.start();
  await until(() => a.ownedStreams.length === 2 && b.ownedStreams.length === 2, {
    timeoutMs: 10_000,
    what: 'the streams to be shared out',
  });
  return [a, b];
}

test('a worker that dies is taken over from after ten seconds of silence, and what it settled is not sent again', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  await publish(20);
  const dead = run.worker({ host: 'a' });
  await dead.runOnce();
  await publish(20, 20);
  let monotonic = 0;
  const heir = run.worker({ host: 'b', clock: { now: run.clock.now, monotonic: () => monotonic } });
  expect(await heir.runOnce()).toMatchObject({ delivered: 0 });
  await silence('a');
  monotonic += 2_000;
  expect(await heir.runOnce()).toMatchObject({ delivered: 20 });
  expect(ids()).toHaveLength(40);
  expect(new Set(ids()).size).toBe(40);
  expect(await owners()).toEqual([{ host: 'b', streams: 4, epoch: 2 }]);
});

test('a worker of this host whose process is gone is taken over from at once', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  await publish(5);
  await run.worker({ host: 'here', pid: 2 ** 22 + 1 }).runOnce();
  await publish(5, 5);
  expect(await run.worker({ host: 'here' }).runOnce()).toMatchObject({ delivered: 5 });
});

test('after a crash only what was under way is sent again', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 4 });
  await publish(40);
  let answered = 0;
  // From the 20th request on nothing is answered: those are under way when the worker "dies".
  run.hooks.respondWith(() => {
    answered += 1;
    return answered > 20 ? { hang: true } : 204;
  });
  const dead = run.worker({ host: 'a' });
  void dead.runOnce();
  await until(() => run.hooks.requests.length === 24, { what: 'four requests to hang' });
  await until(async () => (await run.rows<{ n: number }>('select count(*)::int as n from attempts'))[0]?.n === 20);
  await silence('a');
  run.hooks.respondWith(() => 204);
  const heir = run.worker({ host: 'b' });
  expect(await heir.runOnce()).toMatchObject({ delivered: 20 });
  expect(new Set(ids()).size).toBe(40);
  expect(ids()).toHaveLength(44);
  expect(await settled()).toBe(true);
});

test('a stale worker writes nothing and stops sending', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  await publish(8);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  run.hooks.respondWith(async () => {
    await gate;
    return 500;
  });
  const stale = run.worker({ host: 'a' });
  const staleRun = stale.runOnce();
  await until(() => run.hooks.requests.length === 1, { what: 'the stale worker to have one request under way' });

  await silence('a');
  const owner = run.worker({ host: 'b' });
  const ownerRun = owner.runOnce();
  await until(() => run.hooks.requests.length === 2, { what: 'the new owner to send' });
  run.hooks.respondWith(() => 204);
  const before = await run.rows('select * from cursors order by stream_id');
  run.hooks.respondWith(async () => 204);
  release();
  await staleRun;
  expect(stale.ownedStreams).toEqual([]);
  await ownerRun;

  // The one answer 500 that each of them got: the stale worker's left no trace.
  expect(before.every((cursor) => (cursor as { epoch: number }).epoch === 2)).toBe(true);
  expect(await run.rows('select count(*)::int as n from attempts where outcome = 2')).toEqual([{ n: 1 }]);
  expect(await run.rows('select count(*)::int as n from attempts')).toEqual([{ n: 8 }]);
  expect(run.lines.filter(({ event }) => event === 'delivery.stream-lost')).toHaveLength(4);
  run.hooks.requests.length = 0;
  await publish(4, 8);
  await stale.runOnce();
  expect(run.hooks.requests).toEqual([]);
});

test('streams are shared out evenly when a worker joins, and every event is sent once', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  const [a, b] = await twoWorkers();
  await publish(40);
  await until(() => ids().length === 40, { what: 'all deliveries' });
  await until(settled, { what: 'all to be settled' });
  expect(new Set(ids()).size).toBe(40);
  expect(new Set([...a.ownedStreams, ...b.ownedStreams]).size).toBe(4);
});

test('a worker that stops hands over within a second, and nothing is sent twice', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  const [a, b] = await twoWorkers();
  run.hooks.respondWith(() => ({ status: 204, delayMs: 30 }));
  await publish(200);
  await until(() => ids().length > 20, { what: 'deliveries to be under way' });
  await a.stop();
  const stoppedAt = performance.now();
  await until(() => b.ownedStreams.length === 4, { what: 'the other worker to own all' });
  expect(performance.now() - stoppedAt).toBeLessThan(1_500);
  await until(() => ids().length >= 200 && settled(), { what: 'all deliveries' });
  expect(ids()).toHaveLength(200);
  expect(new Set(ids()).size).toBe(200);
});

test('a worker that cannot give a sign of life stops sending before others may take over', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  let monotonic = 0;
  const clock = { now: run.clock.now, monotonic: () => monotonic };
  const worker = run.worker({ clock });
  await publish(3);
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
  await run.rows('alter table workers rename to workers_away');
  await publish(3, 3);
  monotonic += 1_999;
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });

  await publish(3, 6);
  monotonic += 6_002;
  await expect(worker.runOnce()).rejects.toThrow(/workers/);
  expect(ids()).toHaveLength(6);
  await run.rows('alter table workers_away rename to workers');
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
});

test('a cursor that was created while its stream changed hands is taken in all the same', async () => {
  const worker = run.worker();
  await worker.runOnce();
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.rows('update cursors set epoch = 0');
  await publish(4);
  expect(await worker.runOnce()).toMatchObject({ delivered: 4 });
  expect(await settled()).toBe(true);
});

test('a settle that finds the subscription deleted ends it and keeps the stream', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.subscribe('email', { topics: ['orders.created'] });
  const worker = run.worker();
  await publish(4);
  run.hooks.respondWith(async ({ url }) => {
    if (url === '/billing') await run.rows('delete from cursors where subscription_id = $1', [id]);
    return 204;
  });
  await worker.runOnce();
  expect(worker.ownedStreams).toHaveLength(4);
  expect(await run.rows('select distinct subscription_id from attempts where subscription_id = $1', [id])).toEqual([]);
  expect(requestsOf(run.hooks, 'email')).toHaveLength(4);
  expect(await settled()).toBe(true);
});
