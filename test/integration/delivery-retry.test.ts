import { requestRedelivery } from '@hookcast/delivery';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

const attempts = (name = 'billing') =>
  requestsOf(run.hooks, name).map(
    ({ headers }) => `${String(headers['webhook-id'])}#${String(headers['hookcast-attempt'])}`,
  );
const retries = () =>
  run.rows<{ attempt_no: number; kind: number; wait: number; last_error: string }>(
    `select attempt_no, kind, round(extract(epoch from next_at) * 1000 - $1)::int as wait, last_error
       from retries order by seq`,
    [run.clock.now()],
  );

test('retries on the schedule with the same body, signed anew, until it comes through', async () => {
  run.hooks.answer(500, { status: 503 }, 204);
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  const worker = run.worker();

  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  expect(await retries()).toEqual([{ attempt_no: 1, kind: 0, wait: 1_000, last_error: 'status: 500' }]);
  run.clock.advance({ seconds: 0.999 });
  expect(await worker.runOnce()).toMatchObject({ retried: 0, delivered: 0 });
  run.clock.advance({ seconds: 0.001 });
  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  expect(await retries()).toEqual([{ attempt_no: 2, kind: 0, wait: 5_000, last_error: 'status: 503' }]);
  run.clock.advance({ seconds: 5 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });

  expect(await retries()).toEqual([]);
  expect(attempts()).toEqual(['e1#1', 'e1#2', 'e1#3']);
  const [first, , third] = requestsOf(run.hooks, 'billing');
  expect(third?.body).toEqual(first?.body);
  expect(third?.headers['webhook-signature']).not.toBe(first?.headers['webhook-signature']);
  expect(await run.rows('select attempt_no, outcome, http_status, error from attempts order by attempt_no')).toEqual([
    { attempt_no: 1, outcome: 2, http_status: 500, error: 'status: 500' },
    { attempt_no: 2, outcome: 2, http_status: 503, error: 'status: 503' },
    { attempt_no: 3, outcome: 1, http_status: 204, error: null },
  ]);
});

test('gives up after the schedule and keeps the event with its bytes', async () => {
  run.hooks.respondWith(() => ({ status: 500, body: 'out of \u0000 cheese' }));
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  const data = Buffer.from([0, 1, 2, 255]);
  await run.publish('orders.created', [
    { id: 'e1', contentType: 'application/octet-stream', data, subject: 's', attributes: { extensions: { a: 'b' } } },
    { id: 'e2', data: undefined },
  ]);
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ dead: 2 });
  expect(await retries()).toEqual([]);
  expect(
    await run.rows(
      'select event_id, reason, error, http_status, attempts, data, subject, topic from dead_letters order by seq',
    ),
  ).toEqual([
    {
      event_id: 'e1',
      reason: 'exhausted',
      error: 'status: 500',
      http_status: 500,
      attempts: 2,
      data,
      subject: 's',
      topic: 'orders.created',
    },
    {
      event_id: 'e2',
      reason: 'exhausted',
      error: 'status: 500',
      http_status: 500,
      attempts: 2,
      data: null,
      subject: null,
      topic: 'orders.created',
    },
  ]);
  const [attempt] = await run.rows<{ response: Buffer }>('select response from attempts limit 1');
  expect(attempt?.response.toString()).toBe('out of \u0000 cheese');
});

test('a listed status and a verdict dead-letter at once, a verdict drops', async () => {
  run.hooks.answer(
    422,
    { status: 200, headers: { 'hookcast-verdict': 'dead-letter' } },
    { status: 500, headers: { 'hookcast-verdict': 'drop' } },
  );
  await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422], concurrency: 1 });
  await run.publish('orders.created', [{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  expect(await run.worker().runOnce()).toMatchObject({ dead: 2, dropped: 1 });
  expect(await run.rows('select event_id, reason from dead_letters order by seq')).toEqual([
    { event_id: 'a', reason: 'non-retryable' },
    { event_id: 'b', reason: 'verdict' },
  ]);
  expect(await run.rows('select dead::int, dropped::int, settled_seq::int from cursors')).toEqual([
    { dead: 2, dropped: 1, settled_seq: 3 },
  ]);
});

test('no answer at all is retried', async () => {
  run.hooks.answer({ hang: true }, { reset: true });
  await run.subscribe('billing', { topics: ['orders.created'], timeoutMs: 200, concurrency: 1 });
  await run.publish('orders.created', [{}, {}]);
  expect(await run.worker().runOnce()).toMatchObject({ retried: 2 });
  expect((await retries()).map(({ last_error: error }) => error.split(':')[0])).toEqual(['timeout', 'reset']);
});

test('Retry-After pauses the whole subscription, over a restart too', async () => {
  run.hooks.answer({ status: 429, headers: { 'retry-after': '60' } });
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  await run.publish('orders.created', [{ id: 'a' }, { id: 'b' }]);
  const first = run.worker({ host: 'a' });
  expect(await first.runOnce()).toMatchObject({ retried: 1, delivered: 0 });
  await first.stop();
  const second = run.worker({ host: 'b' });
  run.clock.advance({ seconds: 59 });
  expect(await second.runOnce()).toMatchObject({ delivered: 0, retried: 0 });
  run.clock.advance({ seconds: 1 });
  expect(await second.runOnce()).toMatchObject({ delivered: 2 });
  expect(attempts().toSorted()).toEqual(['a#1', 'a#2', 'b#1']);
});

test('a resume ends the pause a hook has asked for, over a restart too', async () => {
  run.hooks.answer({ status: 503, headers: { 'retry-after': '3600' } });
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  await run.publish('orders.created', [{ id: 'a' }, { id: 'b' }]);
  const first = run.worker({ host: 'a' });
  await first.runOnce();
  expect(await run.rows('select park_reason from cursors')).toEqual([{ park_reason: 'retry-after' }]);
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
  await first.runOnce();
  await run.change(`update subscriptions set state = 'active' where id = $1`, [id]);
  expect(await first.runOnce()).toMatchObject({ delivered: 1 });
  expect(await run.rows('select parked_until, park_reason from cursors')).toEqual([
    { parked_until: null, park_reason: null },
  ]);
});

test('410 suspends the subscription and keeps its backlog for the day it is resumed', async () => {
  run.hooks.answer(410);
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  await run.subscribe('email', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'a' }, { id: 'b' }]);
  const worker = run.worker();
  await worker.runOnce();
  await until(async () => (await run.rows(`select 1 from subscriptions where state = 'suspended'`)).length === 1);
  expect(await run.rows('select state, state_reason from subscriptions where id = $1', [id])).toEqual([
    { state: 'suspended', state_reason: 'gone' },
  ]);
  run.clock.advance({ seconds: 100 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
  expect(attempts()).toEqual(['a#1']);
  expect(attempts('email')).toHaveLength(2);

  await run.change(`update subscriptions set state = 'active', state_reason = null where id = $1`, [id]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
  expect(attempts().toSorted()).toEqual(['a#1', 'a#2', 'b#1']);
});

test('an event that expires while it waits is dead-lettered then', async () => {
  run.hooks.respondWith(() => 500);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [600], jitter: 0 } });
  await run.publish('orders.created', [{ id: 'a', expiresAt: new Date(run.clock.now() + 30_000) }]);
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 30 });
  expect(await worker.runOnce()).toMatchObject({ retried: 0 });
  expect(attempts()).toEqual(['a#1']);
  expect(await run.rows('select reason, attempts from dead_letters')).toEqual([{ reason: 'expired', attempts: 1 }]);
});

test('a redelivery by hand sends a dead letter again, even after its day has gone, and ends it', async () => {
  run.hooks.answer(422);
  const { id: subscriptionId } = await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422] });
  await run.publish('orders.created', [{ id: 'a' }]);
  const worker = run.worker();
  await worker.runOnce();
  const [dead] = await run.rows<{ stream_id: number; event_at: Date }>('select stream_id, event_at from dead_letters');
  await run.rows('delete from events');
  const delivery = { streamId: dead?.stream_id ?? 0, subscriptionId, seq: 1, eventAt: dead?.event_at ?? new Date() };

  expect(await requestRedelivery(run.pool, delivery)).toBe('requested');
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(attempts()).toEqual(['a#1', 'a#2']);
  expect(requestsOf(run.hooks, 'billing')[1]?.body).toEqual(requestsOf(run.hooks, 'billing')[0]?.body);
  expect(await run.rows('select 1 from dead_letters')).toEqual([]);
  expect(await retries()).toEqual([]);
});

test('a redelivery by hand overtakes the schedule, and what was never tried cannot be repeated', async () => {
  run.hooks.answer(500);
  const { id: subscriptionId } = await run.subscribe('billing', {
    topics: ['orders.created'],
    retry: { schedule: [2, 3_600], jitter: 0 },
  });
  await run.publish('orders.created', [{ id: 'a' }]);
  const worker = run.worker();
  await worker.runOnce();
  const [row] = await run.rows<{ stream_id: number; event_at: Date }>('select stream_id, event_at from retries');
  const delivery = { streamId: row?.stream_id ?? 0, subscriptionId, seq: 1, eventAt: row?.event_at ?? new Date() };

  expect(await requestRedelivery(run.pool, delivery)).toBe('hastened');
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(attempts()).toEqual(['a#1', 'a#2']);
  expect(await requestRedelivery(run.pool, { ...delivery, seq: 2 })).toBe('unsettled');
  expect(await requestRedelivery(run.pool, { ...delivery, subscriptionId: 99 })).toBe('unknown');
});

test('more due retries than fit in memory are all sent, and another subscription does not wait for them', async () => {
  const count = 1_500;
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 8, retry: { schedule: [60], jitter: 0 } });
  await run.subscribe('email', { topics: ['orders.created'], retry: { schedule: [60], jitter: 0 } });
  // An answer that says nothing against the endpoint: it would be parked for twenty 500s.
  let status = 404;
  run.hooks.respondWith(() => status);
  await run.publish(
    'orders.created',
    Array.from({ length: count }, (_, index) => ({ id: `e${index}` })),
  );
  const worker = run.worker();
  for (let retried = 0; retried < 2 * count;) retried += (await worker.runOnce()).retried;
  run.hooks.requests.length = 0;
  status = 204;
  run.clock.advance({ seconds: 60 });
  for (let round = 0; round < 20 && (await retries()).length > 0; round += 1) await worker.runOnce();
  expect(await retries()).toEqual([]);
  for (const name of ['billing', 'email']) {
    expect(attempts(name)).toHaveLength(count);
    expect(new Set(attempts(name)).size).toBe(count);
  }
  const firstOfEmail = run.hooks.requests.findIndex(({ url }) => url === '/email');
  expect(firstOfEmail).toBeLessThan(200);
});

test('retries of a paused subscription wait for it and are all sent when it is resumed', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'] });
  run.hooks.answer(...Array.from({ length: 300 }, () => 404));
  await run.publish(
    'orders.created',
    Array.from({ length: 300 }, (_, index) => ({ id: `e${index}` })),
  );
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ retried: 300 });
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
  run.clock.advance({ seconds: 10 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 0, retried: 0 });
  await run.change(`update subscriptions set state = 'active' where id = $1`, [id]);
  let delivered = 0;
  for (let round = 0; round < 10 && delivered < 300; round += 1) delivered += (await worker.runOnce()).delivered;
  expect(delivered).toBe(300);
  expect(new Set(attempts()).size).toBe(600);
});

test('a retry is sent to the moment by a running worker', async () => {
  run.hooks.answer(500);
  await run.subscribe('billing', { topics: ['orders.created'], retry: { schedule: [1], jitter: 0 } });
  await run.publish('orders.created', [{ id: 'a' }]);
  const { now, monotonic } = { now: () => Date.now(), monotonic: () => performance.now() };
  run.worker({ clock: { now, monotonic } }).start();
  const [first, second] = await until(() => (run.hooks.requests.length === 2 ? run.hooks.requests : undefined), {
    what: 'the second attempt',
  });
  const waited = (second?.at.getTime() ?? 0) - (first?.at.getTime() ?? 0);
  expect(waited).toBeGreaterThanOrEqual(995);
  expect(waited).toBeLessThan(1_300);
});
