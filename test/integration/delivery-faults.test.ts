import { createDataPool } from '@hookcast/database';
import { cancelOperation, DeliveryJanitor } from '@hookcast/delivery';
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
const ids = (name = 'billing') => requestsOf(run.hooks, name).map(({ headers }) => String(headers['webhook-id']));
const isSettled = async () => {
  const [row] = await run.rows<{ done: boolean }>(
    'select bool_and(settled_seq = head_seq) as done from cursors join streams using (stream_id)',
  );
  return row?.done;
};
const liveClock = { now: () => Date.now(), monotonic: () => performance.now() };

test('backends that are killed in mid-delivery cost nothing but time', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 8 });
  run.hooks.respondWith(() => ({ status: 204, delayMs: 2 }));
  await publish(400);
  const worker = run.worker({ clock: liveClock });
  worker.start();
  for (const seen of [40, 150, 300]) {
    await until(() => ids().length >= seen, { timeoutMs: 15_000, what: `${seen} deliveries` });
    await run.rows(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
  }
  await until(isSettled, { what: 'all to be settled' });
  expect(new Set(ids()).size).toBe(400);
  // No worker died, so nothing was sent twice either.
  expect(ids()).toHaveLength(400);
  expect(await run.rows('select count(*)::int as n from attempts where outcome = 1')).toEqual([{ n: 400 }]);
});

test('while the database is away results are kept, sending stops at the bound, and both go on by themselves', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 8 });
  let hold: Promise<void> | undefined;
  run.hooks.respondWith(async () => {
    await hold;
    return 204;
  });
  const worker = run.worker({ clock: liveClock, maxUnsettled: 20 });
  worker.start();
  await publish(8);
  await until(isSettled, { what: 'the first to be settled' });

  let letGo = () => {};
  hold = new Promise<void>((resolve) => (letGo = resolve));
  await publish(200, 8);
  await until(() => ids().length === 16, { what: 'eight requests to be under way' });
  await run.rows('alter table cursors rename to cursors_away');
  letGo();
  hold = undefined;
  await until(() => run.lines.some(({ event }) => event === 'delivery.settle-failed'), { what: 'a settle to fail' });
  await until(() => ids().length >= 28, { what: 'sending up to the bound' });
  const failures = () => run.lines.filter(({ event }) => event === 'delivery.settle-failed').length;
  await until(() => failures() >= 3);
  const sent = ids().length;
  await until(() => failures() >= 5);
  expect(ids()).toHaveLength(sent);
  expect(sent).toBeLessThanOrEqual(8 + 20 + 8);

  await run.rows('alter table cursors_away rename to cursors');
  await until(isSettled, { what: 'all to be settled' });
  expect(ids()).toHaveLength(208);
  expect(new Set(ids()).size).toBe(208);
});

test('a settle whose answer was lost is written again without doubling anything', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422] });
  run.hooks.answer(204, 500, 422);
  await publish(3);
  const pool = createDataPool(run.database.url, { max: 3 });
  const query = pool.query.bind(pool) as (...statement: unknown[]) => Promise<unknown>;
  let lost = 0;
  const losing = Object.assign(pool, {
    query: async (config: { name?: string }, ...values: unknown[]) => {
      const result = await query(config, ...values);
      if (config.name?.startsWith('settle') !== true || lost === 2) return result;
      lost += 1;
      throw new Error('Connection terminated unexpectedly');
    },
  });
  try {
    await run.worker({ pool: losing }).runOnce();
    expect(lost).toBe(2);
    expect(await run.rows('select sum(delivered)::int as delivered, sum(dead)::int as dead from cursors')).toEqual([
      { delivered: 1, dead: 1 },
    ]);
    expect(await run.rows('select outcome from attempts order by outcome')).toEqual([
      { outcome: 1 },
      { outcome: 2 },
      { outcome: 3 },
    ]);
    expect(await run.rows('select attempt_no from retries')).toEqual([{ attempt_no: 1 }]);
    expect(await isSettled()).toBe(true);
  } finally {
    await pool.end();
  }
});

test('a stop while the database is away comes to an end, and what it could not settle is sent again', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  const worker = run.worker({ host: 'a', clock: liveClock });
  run.hooks.respondWith(async () => {
    await run.rows('alter table if exists cursors rename to cursors_away');
    return 204;
  });
  await publish(1);
  worker.start();
  await until(() => run.lines.some(({ event }) => event === 'delivery.settle-failed'), { what: 'the outage' });
  await worker.stop();
  expect(run.lines.map(({ event }) => event)).toContain('delivery.stop-incomplete');
  await run.rows('alter table cursors_away rename to cursors');
  await run.rows(`update workers set heartbeat_at = now() - interval '11 seconds'`);
  run.hooks.respondWith(() => 204);
  expect(await run.worker({ host: 'b' }).runOnce()).toMatchObject({ delivered: 1 });
  expect(ids()).toEqual(['e0', 'e0']);
});

test('a paused subscription gets nothing, and all of it when it is resumed', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.subscribe('email', { topics: ['orders.created'] });
  const worker = run.worker();
  await publish(4);
  await worker.runOnce();
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
  await worker.reload();
  await publish(400, 4);
  expect(await worker.runOnce()).toMatchObject({ delivered: 400 });
  expect(ids()).toHaveLength(4);
  await run.change(`update subscriptions set state = 'active' where id = $1`, [id]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 400 });
  expect(new Set(ids()).size).toBe(404);
  expect(ids()).toHaveLength(404);
});

test('pausing under flood stops with what is under way', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 4 });
  run.hooks.respondWith(() => ({ status: 204, delayMs: 5 }));
  await publish(300);
  const worker = run.worker({ clock: liveClock });
  worker.start();
  await until(() => ids().length > 20, { what: 'the flood' });
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
  await worker.reload();
  const sent = ids().length;
  await until(() => worker.inFlight(id) === 0, { what: 'the last answers' });
  expect(ids().length).toBeLessThanOrEqual(sent + 4);
  await run.change(`update subscriptions set state = 'active' where id = $1`, [id]);
  await until(() => ids().length >= 300, { what: 'the rest' });
  expect(ids()).toHaveLength(300);
});

test('a deleted subscription gets nothing more, and its results leave no trace', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 4 });
  run.hooks.respondWith(() => ({ status: 404, delayMs: 5 }));
  await publish(300);
  const worker = run.worker({ clock: liveClock });
  worker.start();
  await until(() => ids().length > 20, { what: 'the flood' });
  await run.change('delete from subscriptions where id = $1', [id]);
  await run.rows('delete from cursors where subscription_id = $1', [id]);
  await run.rows('delete from retries where subscription_id = $1', [id]);
  await worker.reload();
  const sent = ids().length;
  await until(() => worker.inFlight(id) === 0);
  await publish(50, 300);
  await worker.runOnce();
  expect(ids().length).toBeLessThanOrEqual(sent + 4);
  expect(await run.rows('select 1 from retries')).toEqual([]);
  expect(await run.rows('select 1 from cursors')).toEqual([]);
});

test('a backlog of 10,000 events is drained with bounded memory, though one subscription lags', async () => {
  await run.topic('orders.paid', 1);
  for (let from = 0; from < 10_000; from += 1_000) {
    await run.publish(
      'orders.paid',
      Array.from({ length: 1_000 }, (_, index) => ({ id: `e${from + index}` })),
    );
  }
  await run.subscribe('fast', { topics: ['orders.paid'], concurrency: 64 });
  await run.subscribe('slow', { topics: ['orders.paid'], concurrency: 2 });
  const worker = run.worker({ clock: liveClock });
  const counts = { fast: 0, slow: 0, slowWhenFastWasDone: 0, mostBuffered: 0 };
  run.hooks.respondWith(({ url }) => {
    run.hooks.requests.length = 0;
    counts.mostBuffered = Math.max(counts.mostBuffered, worker.buffered.events);
    if (url === '/slow') counts.slow += 1;
    else counts.fast += 1;
    if (counts.fast < 10_000) counts.slowWhenFastWasDone = counts.slow;
    return 204;
  });
  worker.start();
  await until(() => counts.fast + counts.slow >= 20_000, { timeoutMs: 150_000, what: 'the backlog to be drained' });
  expect(counts).toMatchObject({ fast: 10_000, slow: 10_000 });
  expect(counts.slowWhenFastWasDone).toBeGreaterThan(0);
  expect(counts.slowWhenFastWasDone).toBeLessThan(5_000);
  // The shared feed lets go of a laggard at 1,024; a page more may come in, and the laggard has a page of its own.
  expect(counts.mostBuffered).toBeLessThan(1_024 + 2 * 256);
  await until(isSettled, { what: 'all to be settled' });
}, 180_000);

test('the janitor drops what nobody needs any more and nothing else', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  run.hooks.respondWith(() => 500);
  await publish(2);
  const worker = run.worker();
  await worker.runOnce();
  await worker.stop();
  await run.rows(
    `insert into workers values (gen_random_uuid(), now() - interval '2 hours', now(), 'long dead', 1),
       (gen_random_uuid(), now() - interval '10 minutes', now(), 'silent', 2)`,
  );
  await run.rows(
    `insert into delivery_stats select subscription_id, minute - interval '8 days', worker_id, 1, 1, 1, durations
       from delivery_stats`,
  );
  await run.rows(
    `insert into retries select stream_id, 4711, seq, event_at, attempt_no, kind, next_at, last_error from retries`,
  );
  const janitor = new DeliveryJanitor({ pool: run.pool, now: run.clock.now });
  expect(await janitor.runOnce()).toEqual({ workers: 1, minutes: 1, retries: 2, buckets: 0, operations: 0 });
  expect(await run.rows('select host from workers')).toEqual([{ host: 'silent' }]);
  expect(await run.rows('select distinct subscription_id from retries')).toEqual([{ subscription_id: id }]);
  expect(await janitor.runOnce()).toEqual({ workers: 0, minutes: 0, retries: 0, buckets: 0, operations: 0 });
});

test('what comes back long after its operation was cancelled does not wait for ever', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], ordering: 'key' });
  await run.publish(
    'orders.created',
    Array.from({ length: 25 }, (_, index) => ({ id: `e${index}`, key: `${index}` })),
  );
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 25 });
  const operationId = '00000000-0000-4000-8000-00000000000a';
  await run.rows(
    `insert into operations (id, kind, subscription_id, subscription, request, total, progress, created_by, status)
     values ($1, 'replay', $2, 'billing', '{}', 25, '{}', 'a-key', 'running')`,
    [operationId, id],
  );
  await run.rows(
    `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, operation_id)
     select stream_id, $1, seq, created_at, 0, 3, to_timestamp(0), $2 from events`,
    [id, operationId],
  );
  run.hooks.respondWith(() => 503);
  // The first round learns the rate of the operation.
  const rounds = [await worker.runOnce(), await worker.runOnce()];
  expect(rounds.reduce((sum, { parked }) => sum + parked, 0)).toBeGreaterThan(0);
  await cancelOperation(run.pool, { namespace: 'default', id: operationId });
  await run.rows(`update operations set finished_at = now() - interval '1 hour'`);
  expect(await run.rows('select seq from retries')).toEqual([]);
  // It is up again, and takes none of what it had been sent: the one that it is probed with comes back as a row.
  run.hooks.respondWith(() => 404);
  run.clock.advance({ seconds: 5 });
  await worker.runOnce();
  expect(await run.rows('select seq from retries')).not.toEqual([]);
  const janitor = new DeliveryJanitor({ pool: run.pool, now: run.clock.now });
  await janitor.runOnce();
  expect(await run.rows('select seq from retries')).toEqual([]);
});
