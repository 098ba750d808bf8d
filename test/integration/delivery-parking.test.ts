import type { DeliveryWorker } from '@hookcast/delivery';
import type { Answer } from '../support/hook-server.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

const batch = (count: number, prefix = 'e') =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}` }));
const count = async (table: string) =>
  Number((await run.rows<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);
const parks = () =>
  run.rows<{ reason: string; wait: number; probes: number; error: string }>(
    `select park_reason as reason, round(extract(epoch from parked_until) * 1000 - $1)::int as wait,
            park_probes as probes, park_error as error
       from cursors where parked_until is not null`,
    [run.clock.now()],
  );
const sent = (name = 'billing') => requestsOf(run.hooks, name).length;
const ids = (name = 'billing') =>
  requestsOf(run.hooks, name).map(
    ({ headers }) => `${String(headers['webhook-id'])}#${String(headers['hookcast-attempt'])}`,
  );

test('an outage of 10,000 events costs one row, no attempt after it began, and no dead letter', async () => {
  let status = 503;
  run.hooks.respondWith(() => status);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  for (let page = 0; page < 10; page += 1) await run.publish('orders.created', batch(1_000, `p${page}-`));
  const worker = run.worker();
  await worker.runOnce();
  const [retries, attempts] = [await count('retries'), await count('attempts')];
  expect(retries).toBeLessThan(20);
  expect(attempts).toBeLessThan(20);
  expect(await parks()).toEqual([{ reason: 'failing', wait: 5_000, probes: 0, error: 'status: 503' }]);

  const before = sent();
  for (const wait of [5, 10, 20, 40, 80, 160, 300, 300, 300]) {
    run.clock.advance({ seconds: wait - 0.001 });
    expect(await worker.runOnce()).toMatchObject({ parked: 0, retried: 0, dead: 0 });
    run.clock.advance({ seconds: 0.001 });
    expect(await worker.runOnce()).toMatchObject({ parked: 1, retried: 0, dead: 0 });
  }
  expect(sent()).toBe(before + 9);
  expect([await count('retries'), await count('attempts'), await count('dead_letters')]).toEqual([
    retries,
    attempts,
    0,
  ]);
  expect(await parks()).toMatchObject([{ probes: 9, wait: 300_000 }]);

  status = 204;
  run.clock.advance({ seconds: 300 });
  let delivered = 0;
  for (let round = 0; round < 200 && delivered < 10_000; round += 1) {
    delivered += (await worker.runOnce()).delivered;
    // On a busy machine a backlog gives way to live deliveries, and may send so many a second.
    run.clock.advance({ seconds: 1 });
  }
  expect(delivered).toBe(10_000);
  expect(await parks()).toEqual([]);
  expect([await count('retries'), await count('dead_letters')]).toEqual([0, 0]);
  // The probes were no attempts: whatever failed before the outage goes on where it was.
  expect(Math.max(...ids().map((id) => Number(id.split('#')[1])))).toBe(2);
});

test('a probe is the oldest event that waits, and one that comes through opens the window slowly', async () => {
  let status = 500;
  run.hooks.respondWith(() => status);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [600], jitter: 0 } });
  await run.publish('orders.created', batch(100));
  const worker = run.worker();
  await worker.runOnce();
  const waiting = new Set(
    (await run.rows<{ seq: number }>('select seq::int from retries')).map(({ seq }) => `e${seq - 1}`),
  );
  const oldest = batch(100).find(({ id }) => !waiting.has(id))?.id;
  const before = sent();
  run.clock.advance({ seconds: 5 });
  status = 204;
  await worker.runOnce();
  expect(ids()[before]).toBe(`${oldest}#1`);
  expect(sent() - before).toBe(100 - waiting.size);
  expect(run.lines.some(({ event }) => event === 'delivery.endpoint-up')).toBe(true);
});

test.each(['a restart', 'a takeover'])('%s in the middle of an outage goes on with it', async (what) => {
  run.hooks.respondWith(() => 503);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [600], jitter: 0 } });
  await run.publish('orders.created', batch(200));
  const first = run.worker({ host: 'a' });
  await first.runOnce();
  run.clock.advance({ seconds: 5 });
  await first.runOnce();
  expect(await parks()).toMatchObject([{ probes: 1, wait: 10_000 }]);
  const [before, retries] = [sent(), await count('retries')];
  if (what === 'a restart') await first.stop();
  else await run.pool.query(`update workers set heartbeat_at = now() - interval '1 minute'`);

  const second = run.worker({ host: 'b' });
  await second.runOnce();
  run.clock.advance({ seconds: 9 });
  await second.runOnce();
  expect(sent()).toBe(before);
  run.clock.advance({ seconds: 1 });
  expect(await second.runOnce()).toMatchObject({ parked: 1 });
  expect(await parks()).toMatchObject([{ reason: 'failing', probes: 2, wait: 20_000 }]);
  run.hooks.respondWith(() => 204);
  run.clock.advance({ seconds: 20 });
  expect(await second.runOnce()).toMatchObject({ delivered: 200 - retries });
});

test('what waits as a row is probed with too, and is not given up by an outage', async () => {
  run.hooks.respondWith(() => 503);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  await run.publish('orders.created', batch(19));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ retried: 19, parked: 0 });
  await run.publish('orders.created', [{ id: 'last' }]);
  expect(await worker.runOnce()).toMatchObject({ parked: 1 });
  run.clock.advance({ seconds: 5 });
  await worker.runOnce();
  run.clock.advance({ seconds: 10 });
  await worker.runOnce();
  const [one, other] = ids().slice(20).toSorted();
  expect([one?.slice(-2), other]).toEqual(['#2', 'last#1']);
  expect([await count('retries'), await count('dead_letters')]).toEqual([19, 0]);
  run.hooks.respondWith(() => 204);
  run.clock.advance({ seconds: 20 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 20 });
});

test.each(['none', 'key'] as const)(
  'thirty events in a row that a hook cannot take do not keep the others from it for ever (%s)',
  async (ordering) => {
    const poison = new Set(batch(30).map(({ id }) => id));
    run.hooks.respondWith(({ headers }) => (poison.has(String(headers['webhook-id'])) ? 500 : 204));
    const retry = { schedule: [600], jitter: 0 };
    await run.subscribe('billing', { topics: ['orders.created'], ordering, retry });
    const keyed = (events: { id: string }[]) => events.map(({ id }) => ({ id, key: id.replace('more-', '') }));
    await run.publish('orders.created', keyed([...batch(30), ...batch(30, 'more-e'), ...batch(500, 'good-')]));
    const worker = run.worker();
    await worker.runOnce();
    const good = () => ids().filter((id) => id.startsWith('good-')).length;
    for (let round = 0; round < 60 && good() < 500; round += 1) {
      run.clock.advance({ seconds: 300 });
      await worker.runOnce();
    }
    expect(good()).toBe(500);
  },
);

test('after five days without a success the subscription is suspended, and a resume sends at once', async () => {
  run.hooks.respondWith(() => 503);
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [600], jitter: 0 } });
  await run.publish('orders.created', batch(100));
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 5 * 86_400 - 1 });
  await worker.runOnce();
  expect(await run.rows('select state from subscriptions')).toEqual([{ state: 'active' }]);
  run.clock.advance({ seconds: 300 });
  await worker.runOnce();
  await until(async () => (await run.rows(`select 1 from subscriptions where state = 'suspended'`)).length === 1);
  expect(await run.rows('select state_reason from subscriptions')).toEqual([{ state_reason: 'endpoint-down' }]);
  const before = sent();
  run.clock.advance({ seconds: 3_600 });
  await worker.runOnce();
  expect(sent()).toBe(before);

  run.hooks.respondWith(() => 204);
  await run.change(`update subscriptions set state = 'active', state_reason = null where id = $1`, [id]);
  let delivered = 0;
  for (let round = 0; round < 5 && delivered < 100; round += 1) delivered += (await worker.runOnce()).delivered;
  expect(delivered).toBe(100);
  expect(await parks()).toEqual([]);
});

test('a new URL ends the park of the old one', async () => {
  run.hooks.respondWith(({ url }) => (url === '/moved' ? 204 : 503));
  const subscription = await run.subscribe('billing', {
    topics: ['orders.created'],
    retry: { schedule: [1], jitter: 0 },
  });
  await run.publish('orders.created', batch(50));
  const worker = run.worker();
  await worker.runOnce();
  expect(await parks()).toHaveLength(1);
  run.catalog.subscriptions.set(subscription.id, { ...subscription, url: `${run.hooks.url}/moved` });
  await run.change('select 1');
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 50 });
  expect(await parks()).toEqual([]);
});

test('the requests under way when a hook asks for quiet leave no rows behind', async () => {
  run.hooks.respondWith(() => ({ status: 429, headers: { 'retry-after': '60' } }));
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  await run.publish('orders.created', batch(100));
  const worker = run.worker();
  const counts = await worker.runOnce();
  expect(counts.retried).toBe(1);
  expect(counts.parked).toBeGreaterThan(0);
  expect(await parks()).toMatchObject([{ reason: 'retry-after', wait: 60_000 }]);
  run.hooks.respondWith(() => 204);
  run.clock.advance({ seconds: 60 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 100 });
});

test('an event without another attempt dies of a Retry-After, and the hook gets its quiet all the same', async () => {
  run.hooks.respondWith(() => ({ status: 429, headers: { 'retry-after': '60' } }));
  await run.subscribe('billing', {
    topics: ['orders.created'],
    concurrency: 1,
    retry: { schedule: [], jitter: 0 },
  });
  await run.publish('orders.created', batch(3));
  expect(await run.worker().runOnce()).toMatchObject({ dead: 1 });
  expect(sent()).toBe(1);
  expect(await parks()).toMatchObject([{ reason: 'retry-after', wait: 60_000 }]);
});

describe('a hook that asks for an hour of quiet while others of its requests fail', () => {
  const quiet = { status: 503, headers: { 'retry-after': '3600' } };

  /** Answers to 32 requests that are under way together, in this order. */
  async function answerTogether(answers: Answer[]): Promise<DeliveryWorker> {
    await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [600], jitter: 0 } });
    const worker = run.worker();
    await run.publish('orders.created', batch(300, 'good-'));
    await worker.runOnce();
    const waiting: ((answer: Answer) => void)[] = [];
    run.hooks.respondWith(async () => new Promise<Answer>((resolve) => waiting.push(resolve)));
    await run.publish('orders.created', batch(answers.length));
    const round = worker.runOnce();
    await until(() => waiting.length === answers.length, { what: 'all requests to be under way' });
    const before = () => run.lines.length + (worker.attemptCounts.retried + worker.attemptCounts.parked);
    for (const [index, answer] of answers.entries()) {
      const known = before();
      waiting[index]?.(answer);
      await until(() => before() > known, { what: 'the answer to be taken down' });
    }
    await round;
    return worker;
  }

  test('gets it, though what was under way weighs enough to call it down', async () => {
    const worker = await answerTogether([quiet, ...Array.from({ length: 29 }, () => 502)]);
    expect(await parks()).toMatchObject([{ reason: 'retry-after', wait: 3_600_000 }]);
    const before = sent();
    run.clock.advance({ seconds: 3_599 });
    await worker.runOnce();
    expect(sent()).toBe(before);
    run.hooks.respondWith(() => 204);
    run.clock.advance({ seconds: 1 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 30 });
  });

  test('gets it, though it was called down before', async () => {
    const worker = await answerTogether([...Array.from({ length: 25 }, () => 502), quiet, 502]);
    expect(await parks()).toMatchObject([{ reason: 'failing', wait: 3_600_000 }]);
    const before = sent();
    run.clock.advance({ seconds: 3_599 });
    await worker.runOnce();
    expect(sent()).toBe(before);
  });

  test('gets the longer of two times', async () => {
    const longer = { status: 503, headers: { 'retry-after': '7200' } };
    await answerTogether([quiet, longer, 502]);
    expect(await parks()).toMatchObject([{ reason: 'retry-after', wait: 7_200_000 }]);
  });
});

describe('a subscription whose hook takes an event now and then', () => {
  const dayS = 86_400;
  const state = async () => (await run.rows<{ state: string }>('select state from subscriptions'))[0]?.state;
  const subscribe = async () =>
    run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  /** Sends an event, by a worker that begins anew. */
  async function sendOne(id: string): Promise<void> {
    const worker = run.worker();
    await run.publish('orders.created', [{ id }]);
    await worker.runOnce();
    await worker.stop();
  }

  test.each([503, 404])('is suspended after five days of nothing but %i, over restarts', async (status) => {
    run.hooks.respondWith(() => status);
    await subscribe();
    await sendOne('first');
    for (const id of ['second', 'third']) {
      run.clock.advance({ seconds: 2 * dayS });
      await sendOne(id);
      expect(await state()).toBe('active');
    }
    run.clock.advance({ seconds: dayS + 60 });
    const before = sent();
    await sendOne('fourth');
    await until(async () => (await state()) === 'suspended', { what: 'the suspension' });
    expect(sent()).toBeGreaterThan(before);
    expect(await run.rows(`select data->>'reason' as reason from announcements`)).toEqual([
      { reason: 'endpoint-down' },
    ]);
  });

  test('is left alone when it has just begun to fail, however long there was no event', async () => {
    await subscribe();
    await sendOne('first');
    run.clock.advance({ seconds: 30 * dayS });
    run.hooks.respondWith(() => 503);
    await sendOne('second');
    expect(await state()).toBe('active');
  });

  test('is left alone when one of them came through', async () => {
    await subscribe();
    const worker = run.worker();
    for (const status of [503, 204, 503]) {
      run.hooks.respondWith(() => status);
      await run.publish('orders.created', [{}]);
      await worker.runOnce();
      run.clock.advance({ seconds: 3 * dayS });
    }
    run.hooks.respondWith(() => 503);
    await worker.stop();
    await sendOne('last');
    expect(await state()).toBe('active');
  });

  test('has five days again after a resume', async () => {
    run.hooks.respondWith(() => 503);
    const { id } = await subscribe();
    await sendOne('first');
    run.clock.advance({ seconds: 6 * dayS });
    await run.change('update subscriptions set updated_at = $2 where id = $1', [id, new Date(run.clock.now())]);
    await sendOne('second');
    expect(await state()).toBe('active');
  });
});
