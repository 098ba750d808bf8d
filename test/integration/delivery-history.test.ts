import {
  deliveryFigures,
  DeliveryHistory,
  listDeadLetters,
  readInFlight,
  requestRedelivery,
  sendTest,
  type DeliverySummary,
} from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import { LogReader } from '@hookcast/log';
import { Webhook } from 'standardwebhooks';
import { until } from '../support/until.js';
import { secret, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let history: DeliveryHistory;
beforeEach(async () => {
  run = await setup();
  history = new DeliveryHistory(run.pool);
  await run.topic('orders.created', 2);
});
afterEach(async () => run.close());

const found = (summaries: readonly DeliverySummary[]) =>
  summaries
    .map(({ eventId, state, attempts }) => `${eventId} ${state} ${attempts}`)
    .toSorted((a, b) => a.localeCompare(b));
const listed = async (subscriptionId: number, state: 'pending' | 'retrying' | 'delivered' | 'dead') =>
  found(await history.list({ subscriptionId, state, limit: 50 }));

test('tells for every state which deliveries are in it, and why', async () => {
  await run.publish('orders.created', [{ id: 'before' }]);
  const subscription = await run.subscribe('billing', {
    topics: ['orders.created'],
    start: { kind: 'latest' },
    nonRetryable: [422],
  });
  const answers: Record<string, number> = { bad: 422, busy: 503, fine: 204, unwanted: 200 };
  run.hooks.respondWith(({ headers }) => {
    const id = String(headers['webhook-id']);
    return { status: answers[id] ?? 204, ...(id === 'unwanted' ? { headers: { 'hookcast-verdict': 'drop' } } : {}) };
  });
  await run.publish('orders.created', [
    { id: 'bad' },
    { id: 'busy' },
    { id: 'fine' },
    { id: 'unwanted' },
    { id: 'later', deliverAt: new Date(run.clock.now() + 60_000) },
  ]);
  const worker = run.worker();
  await worker.runOnce();
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [subscription.id]);
  await worker.reload();
  await run.publish('orders.created', [{ id: 'waiting' }]);

  expect(await listed(subscription.id, 'pending')).toEqual(['later pending 0', 'waiting pending 0']);
  expect(await listed(subscription.id, 'retrying')).toEqual(['busy retrying 1']);
  expect(await listed(subscription.id, 'delivered')).toEqual(['fine delivered 1']);
  expect(await listed(subscription.id, 'dead')).toEqual(['bad dead 1']);

  const reader = new LogReader(run.pool);
  const summary = async (id: string) => (await history.summaries(await reader.find(id, 'default'), subscription.id))[0];
  expect(await summary('before')).toMatchObject({ state: 'skipped', attempts: 0 });
  expect(await summary('unwanted')).toMatchObject({ state: 'dropped', attempts: 1, lastStatus: 200 });
  expect(await summary('fine')).toMatchObject({ state: 'delivered', lastStatus: 204, lastAttemptAt: expect.any(Date) });
  expect(await summary('later')).toMatchObject({ state: 'pending', nextAttemptAt: new Date(run.clock.now() + 60_000) });
  expect(await summary('busy')).toMatchObject({
    state: 'retrying',
    lastError: 'status: 503',
    nextAttemptAt: new Date(run.clock.now() + 1_000),
    topic: 'orders.created',
    type: 'orders.created',
  });
  expect(await summary('bad')).toMatchObject({ state: 'dead', reason: 'non-retryable', lastError: 'status: 422' });
});

test('an event has one summary for each subscription that reads its stream', async () => {
  const billing = await run.subscribe('billing', { topics: ['orders.created'] });
  const email = await run.subscribe('email', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  await run.worker().runOnce();
  const summaries = await history.summaries(await new LogReader(run.pool).find('e1', 'default'));
  expect(summaries.map(({ subscriptionId, state }) => [subscriptionId, state])).toEqual([
    [billing.id, 'delivered'],
    [email.id, 'delivered'],
  ]);
});

test('shows every attempt with what the hook answered', async () => {
  run.hooks.answer({ status: 503, body: 'come back later' }, { status: 200, body: 'thanks' });
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 1 });
  await worker.runOnce();
  const [summary] = await history.summaries(await new LogReader(run.pool).find('e1', 'default'));
  if (!summary) throw new Error('no delivery');
  expect(await history.attempts(summary)).toEqual([
    {
      attempt: 1,
      at: new Date(run.clock.now() - 1_000),
      outcome: 'retry',
      status: 503,
      durationMs: expect.any(Number),
      error: 'status: 503',
      response: Buffer.from('come back later'),
    },
    {
      attempt: 2,
      at: new Date(run.clock.now()),
      outcome: 'delivered',
      status: 200,
      durationMs: expect.any(Number),
      error: null,
      response: Buffer.from('thanks'),
    },
  ]);
});

test.each(['delivered', 'dead'] as const)('pages of %s deliveries neither repeat nor leave out any', async (state) => {
  const { id: subscriptionId } = await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422] });
  run.hooks.respondWith(() => (state === 'dead' ? 422 : 204));
  await run.publish(
    'orders.created',
    Array.from({ length: 23 }, (_, index) => ({ id: `e${index}` })),
  );
  await run.worker().runOnce();
  const all: DeliverySummary[] = [];
  for (let page = 0; page < 10; page += 1) {
    const last = all.at(-1);
    const after = last && { at: last.eventAt, streamId: last.streamId, seq: last.seq };
    const next = await history.list({ subscriptionId, state, limit: 5, ...(after && { after }) });
    if (next.length === 0) break;
    all.push(...next);
  }
  expect(all).toHaveLength(23);
  expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(23);
});

test('dead letters are found by subscription, topic, reason and time, and pages hold for several subscriptions', async () => {
  await run.topic('orders.paid', 1);
  const billing = await run.subscribe('billing', { topics: ['orders.created', 'orders.paid'], nonRetryable: [422] });
  const email = await run.subscribe('email', { topics: ['orders.paid'], nonRetryable: [422] });
  run.hooks.respondWith(() => 422);
  await run.publish('orders.created', [{ id: 'c1' }]);
  await run.publish('orders.paid', [{ id: 'p1' }, { id: 'p2', expiresAt: new Date(run.clock.now() - 1) }]);
  await run.worker().runOnce();
  const list = async (query: Partial<Parameters<typeof listDeadLetters>[1]>) =>
    (await listDeadLetters(run.pool, { subscriptionIds: [billing.id, email.id], limit: 50, ...query })).map(
      ({ event, reason }) => `${event.id} ${reason}`,
    );
  expect(await list({})).toHaveLength(5);
  expect(await list({ subscriptionIds: [email.id], reason: 'expired' })).toEqual(['p2 expired']);
  expect(await list({ topic: 'orders.created' })).toEqual(['c1 non-retryable']);
  expect(await list({ to: new Date(run.clock.now()) })).toEqual([]);
  expect(await list({ from: new Date(run.clock.now()) })).toHaveLength(5);

  const seen: string[] = [];
  let after: { at: Date; streamId: number; seq: number; subscriptionId: number } | undefined;
  for (let page = 0; page < 10; page += 1) {
    const query = { subscriptionIds: [billing.id, email.id], limit: 1, ...(after && { after }) };
    const [letter] = await listDeadLetters(run.pool, query);
    if (!letter) break;
    const { deadAt: at, event, subscriptionId } = letter;
    after = { at, streamId: event.streamId, seq: event.seq, subscriptionId };
    seen.push(`${event.id} ${subscriptionId}`);
  }
  expect(seen).toHaveLength(5);
  expect(new Set(seen).size).toBe(5);
});

test('a delivery that was asked for again counts as retrying until it is sent', async () => {
  const { id: subscriptionId } = await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  const worker = run.worker();
  await worker.runOnce();
  const [event] = await new LogReader(run.pool).find('e1', 'default');
  if (!event) throw new Error('no event');
  const { streamId, seq, createdAt: eventAt } = event;
  await requestRedelivery(run.pool, { streamId, subscriptionId, seq, eventAt });
  expect(await listed(subscriptionId, 'retrying')).toEqual(['e1 retrying 1']);
  expect(await listed(subscriptionId, 'delivered')).toEqual([]);
  await worker.runOnce();
  expect(await listed(subscriptionId, 'delivered')).toEqual(['e1 delivered 2']);
});

test('figures come from what the workers counted', async () => {
  run.hooks.answer(500, 422, 204, 204);
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], nonRetryable: [422], concurrency: 1 });
  await run.publish('orders.created', [{}, {}, {}, {}]);
  const worker = run.worker();
  await worker.runOnce();
  await worker.stop();
  const figures = await deliveryFigures(run.pool, [id, 99], new Date(run.clock.now() - 900_000));
  expect([...figures.keys()]).toEqual([id]);
  expect(figures.get(id)).toMatchObject({
    delivered: 2,
    failed: 1,
    dead: 1,
    successRate: 0.5,
    p95Ms: expect.any(Number),
  });
});

test('a test event goes out signed, whatever the state of the subscription, and leaves no trace', async () => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'], state: 'paused' });
  run.hooks.answer({ status: 418, body: 'x'.repeat(3_000) });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  const result = await sendTest(client, subscription, { now: new Date(), userAgent: 'Hookcast/1' });
  await client.destroy();
  expect(result).toMatchObject({
    status: 418,
    durationMs: expect.any(Number),
    response: Buffer.from('x'.repeat(1_024)),
  });
  const [request] = run.hooks.requests;
  expect(request?.headers['webhook-id']).toBe(result.eventId);
  expect(() =>
    new Webhook(secret).verify(String(request?.body), request?.headers as Record<string, string>),
  ).not.toThrow();
  expect(await run.rows('select 1 from attempts')).toEqual([]);
});

test('requests in flight are told by every worker to the processes that do not have them', async () => {
  const subscription = await run.subscribe('billing', { topics: ['orders.created'] });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  run.hooks.respondWith(async () => {
    await answered;
    return 204;
  });
  await run.publish(
    'orders.created',
    Array.from({ length: 8 }, (_, index) => ({ id: `e${index}` })),
  );
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const workers = [run.worker({ host: 'a', clock }), run.worker({ host: 'b', clock })];
  for (const worker of workers) worker.start();
  const told = async (except = '00000000-0000-0000-0000-000000000000') => {
    const read = await readInFlight(run.pool, { subscriptionIds: [subscription.id], except });
    return read.get(subscription.id) ?? 0;
  };
  await until(async () => (await told()) === 8, { what: 'all requests to be told of' });
  for (const worker of workers) expect(worker.inFlight(subscription.id) + (await told(worker.workerId))).toBe(8);
  answer();
  await until(async () => (await told()) === 0, { what: 'their end to be told of' });
});
