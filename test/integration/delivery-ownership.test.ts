import { randomUUID } from 'node:crypto';
import type { DeliveryStores, DeliveryWorker } from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import { createCursors, deleteCursors, TailListener } from '@hookcast/log';
import { databaseStores } from '../../libs/delivery/src/delivery-stores.js';
import { shareOut } from '../../libs/delivery/src/ownership/rendezvous.js';
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
  run.rows(`update workers set heartbeat_at = now() - interval '9 seconds' where host = $1`, [host]);
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
    what: 'the streams to be shared out',
  });
  return [a, b];
}

/** Passes on what is notified, as the broker does. */
async function listening(worker: DeliveryWorker): Promise<TailListener> {
  const listener = new TailListener({ pool: run.pool, onHeads: () => {}, onFree: () => worker.lookForStreams() });
  await listener.runOnce();
  return listener;
}

test('a worker that dies is taken over from after eight seconds of silence, and what it settled is not sent again', async () => {
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

test('who sees that a process is gone frees its streams for workers on other machines too', async () => {
  await run.worker({ host: 'here', pid: 2 ** 22 + 1 }).runOnce();
  const there = run.worker({ host: 'there' });
  await there.runOnce();
  expect(there.ownedStreams).toHaveLength(0);
  const here = run.worker({ host: 'here' });
  await here.runOnce();
  await there.runOnce();
  expect(there.ownedStreams).toHaveLength(2);
  expect(here.ownedStreams).toHaveLength(2);
});

test('a crash of the server, which empties the table of workers, takes nothing from those that are alive', async () => {
  let monotonic = 0;
  const clock = { now: run.clock.now, monotonic: () => monotonic };
  const slow = run.worker({ host: 'a', clock });
  await slow.runOnce();
  const quick = run.worker({ host: 'b', clock });
  await quick.runOnce();
  const areSharing = async () => {
    monotonic += 2_000;
    await slow.runOnce();
    await quick.runOnce();
    return quick.ownedStreams.length === 2;
  };
  await until(areSharing, { what: 'the streams to be shared out' });
  await run.rows('truncate workers');
  for (let beat = 0; beat < 3; beat += 1) {
    monotonic += 2_000;
    await quick.runOnce();
    expect(quick.ownedStreams).toHaveLength(2);
  }
  monotonic += 6_000;
  await quick.runOnce();
  expect(quick.ownedStreams).toHaveLength(4);
});

test('a worker that dies on another machine is taken over from within ten seconds of its last sign of life', async () => {
  await run.worker({ host: 'a' }).runOnce();
  const [{ last } = { last: 0 }] = await run.rows<{ last: number }>(
    `update workers set heartbeat_at = now() - interval '5 seconds' returning extract(epoch from heartbeat_at)::float8 as last`,
  );
  const heir = run.worker({ host: 'b' });
  heir.start();
  await until(() => heir.ownedStreams.length === 4, { what: 'the takeover' });
  const [{ since } = { since: 0 }] = await run.rows<{ since: number }>(
    'select extract(epoch from max(since))::float8 as since from assignments',
  );
  expect(since - last).toBeLessThanOrEqual(10);
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

test('to a worker that joins streams go a few at a time, so that the others make up for those between two hands', async () => {
  await run.topic('orders.paid', 12);
  const stores = databaseStores(run.pool);
  const given: number[] = [];
  const release: DeliveryStores['ownership']['release'] = async (workerId, streams) => {
    given.push(streams.size);
    return stores.ownership.release(workerId, streams);
  };
  const ownership = Object.assign(Object.create(stores.ownership) as DeliveryStores['ownership'], { release });
  const a = run.worker({ host: 'a', stores: { ...stores, ownership } });
  a.start();
  await until(() => a.ownedStreams.length === 16, { what: 'the first worker to own all' });
  const b = run.worker({ host: 'b' });
  const listener = await listening(b);
  b.start();
  try {
    await until(() => b.ownedStreams.length === 8, { what: 'the streams to be shared out' });
    expect(given.reduce((sum, streams) => sum + streams, 0)).toBe(8);
    expect(Math.max(...given)).toBeLessThanOrEqual(2);
  } finally {
    await listener.stop();
  }
});

test('a worker that stops hands over within a second, and nothing is sent twice', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  const [a, b] = await twoWorkers();
  const listener = await listening(b);
  try {
    run.hooks.respondWith(() => ({ status: 204, delayMs: 30 }));
    await publish(200);
    await until(() => ids().length > 20, { what: 'deliveries to be under way' });
    await a.stop();
    const stoppedAt = performance.now();
    await until(() => b.ownedStreams.length === 4, { what: 'the other worker to own all' });
    // A second, and what a busy machine adds; those of a worker that died are taken over after 8 s.
    expect(performance.now() - stoppedAt).toBeLessThan(6_000);
    await until(() => ids().length >= 200 && settled(), { what: 'all deliveries' });
    expect(ids()).toHaveLength(200);
    expect(new Set(ids()).size).toBe(200);
  } finally {
    await listener.stop();
  }
});

test('a hook that does not answer holds up the hand-over of no stream but its own, and gets nothing twice', async () => {
  await run.topic('reports.made', 1);
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.subscribe('slow', { topics: ['reports.made'], timeoutMs: 60_000 });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  run.hooks.respondWith(async ({ url }) => {
    if (url === '/slow') await answered;
    return 204;
  });
  const a = run.worker({ host: 'a' });
  await run.publish('reports.made', [{ id: 'report' }]);
  a.start();
  await until(() => requestsOf(run.hooks, 'slow').length === 1, { what: 'the request that is not answered' });
  const b = run.worker({ host: 'b' });
  const listener = await listening(b);
  b.start();
  try {
    const stopped = a.stop();
    await until(() => b.ownedStreams.length === 4, { what: 'the other worker to own all but one' });
    await publish(20);
    await until(() => ids().length === 20, { what: 'the deliveries of the others' });
    expect(a.ownedStreams).toHaveLength(1);
    // Longer than the silence after which a worker counts as dead: it goes on giving signs of life.
    await run.rows(`update workers set heartbeat_at = now() - interval '9 seconds' where host = 'a'`);
    await until(
      async () =>
        (
          await run.rows(`select 1 from workers where host = 'a' and is_leaving
      and heartbeat_at > now() - interval '5 seconds'`)
        ).length === 1,
      { what: 'another sign of life' },
    );
    expect(b.ownedStreams).toHaveLength(4);
    answer();
    await stopped;
    await until(() => b.ownedStreams.length === 5, { what: 'the last stream' });
    await until(settled, { what: 'all to be settled' });
    expect(requestsOf(run.hooks, 'slow')).toHaveLength(1);
  } finally {
    answer();
    await listener.stop();
  }
});

test('a stream that goes to a worker which joins is held up by a slow hook for the subscription of that hook alone', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.subscribe('slow', { topics: ['orders.created'], timeoutMs: 60_000 });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  run.hooks.respondWith(async ({ url }) => {
    if (url === '/slow') await answered;
    return 204;
  });
  const a = run.worker({ host: 'a' });
  a.start();
  await until(() => a.ownedStreams.length === 4, { what: 'the first worker to own all' });
  const unanswered = () =>
    new Set(requestsOf(run.hooks, 'slow').map(({ headers }) => String(headers['hookcast-position']).split(':')[0]));
  for (let sent = 0; sent < 12; sent += 3) await publish(3, sent);
  await until(() => unanswered().size === 4, { what: 'requests that are not answered, one from each stream at least' });
  const b = run.worker({ host: 'b' });
  b.start();
  try {
    await until(() => run.lines.some(({ fields }) => fields['workers'] === 2 && fields['streams'] === 2), {
      what: 'the streams to be shared out anew',
    });
    for (let sent = 0; sent < 40; sent += 10) {
      await publish(10, 12 + sent);
      await until(() => ids().length === 22 + sent, { what: 'the deliveries of the other subscription' });
    }
    expect(a.ownedStreams.length + b.ownedStreams.length).toBe(4);
    answer();
    await until(() => a.ownedStreams.length === 2 && b.ownedStreams.length === 2, {
      what: 'the streams to be shared out',
    });
    await until(settled, { what: 'all to be settled' });
    expect(ids()).toHaveLength(52);
    expect(requestsOf(run.hooks, 'slow')).toHaveLength(52);
  } finally {
    answer();
  }
});

test('a stream whose next owner has gone before it could be handed over stays where it is', async () => {
  const { topicId, streams } = await run.topic('reports.made', 1);
  const [{ streamId } = { streamId: 0 }] = streams;
  await run.subscribe('slow', { topics: ['reports.made'], timeoutMs: 60_000, concurrency: 1 });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  run.hooks.respondWith(async () => {
    await answered;
    return 204;
  });
  const pair = [randomUUID(), randomUUID()];
  const heir = shareOut([{ streamId, topicId }], pair).get(streamId) ?? '';
  const first = pair.find((each) => each !== heir) ?? '';
  const [a, b] = [run.worker({ host: 'a', workerId: first }), run.worker({ host: 'b', workerId: heir })];
  const shares = () => run.lines.filter(({ event }) => event === 'delivery.shared-out').length;
  const events = Array.from({ length: 4 }, (_, index) => ({ id: `r${index}` }));
  try {
    a.start();
    await until(() => a.ownedStreams.length === 5, { what: 'the first worker to own all' });
    await run.publish('reports.made', events);
    a.wake(new Map([[streamId, events.length]]));
    await until(() => requestsOf(run.hooks, 'slow').length === 1, { what: 'the request that is not answered' });
    await b.runOnce();
    await until(() => a.ownedStreams.length < 5, { what: 'the first worker to give streams away' });
    await b.stop();
    const before = shares();
    await until(() => shares() > before, { what: 'the first worker to know that it is alone' });
    expect(a.ownedStreams).toContain(streamId);
    answer();
    await until(settled, { what: 'all to be settled' });
    expect(requestsOf(run.hooks, 'slow')).toHaveLength(events.length);
    expect(await run.rows('select epoch from assignments where stream_id = $1', [streamId])).toEqual([{ epoch: 1 }]);
  } finally {
    answer();
  }
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
  monotonic += 4_502;
  await expect(worker.runOnce()).rejects.toThrow(/workers/);
  expect(ids()).toHaveLength(6);
  await run.rows('alter table workers_away rename to workers');
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
});

test('a worker that stood still between two requests asks whether it still may before the next one', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  let monotonic = 0;
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  const worker = run.worker({
    clock: { now: run.clock.now, monotonic: () => monotonic },
    client: {
      post: async (request) => {
        // As if it were stopped right after it has begun the first.
        if (monotonic < 20_000) monotonic += 20_000;
        return client.post(request);
      },
    },
  });
  try {
    await publish(8);
    expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 7 });
  } finally {
    await client.destroy();
  }
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

test('a subscription that left a topic and came back at once begins anew, though nothing else happens', async () => {
  const { id: subscriptionId } = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }, { id: 'e2' }]);
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
  await deleteCursors(run.pool, { subscriptionId });
  const topics = await run.rows<{ id: number }>('select id from topics');
  await createCursors(run.pool, { subscriptionId, topicIds: topics.map(({ id }) => id), start: { kind: 'earliest' } });
  await run.change('select 1');
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
});
