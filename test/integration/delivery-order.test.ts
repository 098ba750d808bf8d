import { requestRedelivery, seekCursors, type DeliverySubscription } from '@hookcast/delivery';
import type { NewEvent } from '@hookcast/log';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

const publish = async (events: Partial<NewEvent>[]) => run.publish('orders.created', events);
const keyed = (...ids: string[]) => ids.map((id) => ({ id, ...(id[0] === '-' ? {} : { key: id[0] ?? '' }) }));
const subscribe = async (more: Partial<Parameters<DeliverySetup['subscribe']>[1]> = {}) =>
  run.subscribe('billing', { topics: ['orders.created'], ordering: 'key', ...more });
const idsIn = ({ body }: { body: Buffer }): string[] => {
  const parsed = JSON.parse(body.toString()) as { id: string } | { id: string }[];
  return Array.isArray(parsed) ? parsed.map(({ id }) => id) : [parsed.id];
};
const sent = () => requestsOf(run.hooks, 'billing').flatMap(idsIn);
const failFor = (broken: Set<string>, status = 500) =>
  run.hooks.respondWith((request) => (idsIn(request).some((id) => broken.has(id)) ? status : 204));

test('a failing key holds back its own events and no others', async () => {
  const broken = new Set(['a1']);
  failFor(broken);
  await subscribe();
  await publish(keyed('a1', 'a2', 'b1', 'a3', 'b2', '-1', 'c1'));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 4, retried: 1 });
  expect(sent().toSorted()).toEqual(['-1', 'a1', 'b1', 'b2', 'c1']);
  expect(await run.rows('select seq::int from retries')).toEqual([{ seq: 1 }]);
  broken.clear();
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
  expect(sent().filter((id) => id[0] === 'a')).toEqual(['a1', 'a1', 'a2', 'a3']);
  expect(await run.rows('select settled_seq::int, above::text from cursors')).toEqual([
    { settled_seq: 7, above: '{}' },
  ]);
});

test('after a dead letter the key goes on', async () => {
  failFor(new Set(['a1']), 422);
  await subscribe({ nonRetryable: [422] });
  await publish(keyed('a1', 'a2'));
  expect(await run.worker().runOnce()).toMatchObject({ dead: 1, delivered: 1 });
});

test('the next owner knows which keys fail, and loses nothing that was held back', async () => {
  const broken = new Set(['a1']);
  failFor(broken);
  await subscribe();
  await publish(keyed('a1', 'a2', 'b1', 'a3', 'b2'));
  const first = run.worker({ host: 'a' });
  await first.runOnce();
  await first.stop();
  run.hooks.requests.length = 0;
  const second = run.worker({ host: 'b' });
  expect(await second.runOnce()).toMatchObject({ delivered: 0, retried: 0 });
  await publish(keyed('a4', 'b3'));
  expect(await second.runOnce()).toMatchObject({ delivered: 1 });
  broken.clear();
  run.clock.advance({ seconds: 1 });
  expect(await second.runOnce()).toMatchObject({ delivered: 4 });
  expect(sent()).toEqual(['b3', 'a1', 'a2', 'a3', 'a4']);
});

test('strictly, a failure stops the stream until it comes through', async () => {
  const broken = new Set(['a2']);
  failFor(broken);
  await subscribe({ ordering: 'strict' });
  await publish(keyed('a1', 'a2', 'b1', '-1'));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 1, retried: 1 });
  broken.clear();
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
  expect(sent()).toEqual(['a1', 'a2', 'a2', 'b1', '-1']);
});

test('memory is bounded: behind a thousand held-back events the cursor waits, and nothing is lost', async () => {
  const broken = new Set(['a0']);
  failFor(broken);
  await subscribe({ batch: { maxEvents: 200, maxBytes: 1_048_576 } });
  const events = Array.from({ length: 1_400 }, (_, index) => ({ id: `a${index}`, key: 'a' }));
  await publish(events);
  const worker = run.worker();
  await worker.runOnce();
  await publish([{ id: 'b', key: 'b' }]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
  expect(worker.buffered.events).toBeLessThan(1_000);
  broken.clear();
  run.hooks.requests.length = 0;
  run.clock.advance({ seconds: 5 });
  let delivered = 0;
  for (let rounds = 0; delivered < 1_401 && rounds < 10; rounds += 1) delivered += (await worker.runOnce()).delivered;
  expect(delivered).toBe(1_401);
  const ofA = sent().filter((id) => id !== 'b');
  expect(ofA).toEqual(events.map(({ id }) => id));
});

test('a delayed event leaves the line and holds nobody back', async () => {
  await subscribe();
  await publish([{ id: 'a1', key: 'a', deliverAt: new Date(run.clock.now() + 10_000) }, ...keyed('a2')]);
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  run.clock.advance({ seconds: 10 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(sent()).toEqual(['a2', 'a1']);
});

test('a retry brought forward by hand keeps its place: later events wait for it still', async () => {
  const broken = new Set(['a1']);
  failFor(broken);
  const { id: subscriptionId } = await subscribe({ retry: { schedule: [3_600, 3_600], jitter: 0 } });
  await publish(keyed('a1', 'a2'));
  const worker = run.worker();
  await worker.runOnce();
  const [row] = await run.rows<{ stream_id: number; event_at: Date }>('select stream_id, event_at from retries');
  const delivery = { streamId: row?.stream_id ?? 0, subscriptionId, seq: 1, eventAt: row?.event_at ?? new Date() };
  await requestRedelivery(run.pool, delivery);
  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  broken.clear();
  await requestRedelivery(run.pool, delivery);
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
  expect(sent()).toEqual(['a1', 'a1', 'a1', 'a2']);
});

test('a redelivery of a settled event holds nothing back', async () => {
  const broken = new Set<string>();
  failFor(broken);
  const { id: subscriptionId } = await subscribe();
  const [first] = await publish(keyed('a1'));
  const worker = run.worker();
  await worker.runOnce();
  broken.add('a1');
  const [event] = await run.rows<{ created_at: Date }>('select created_at from events');
  const [streamId = 0, seq = 0] = (first?.position ?? '').split(':').map(Number);
  await requestRedelivery(run.pool, { streamId, subscriptionId, seq, eventAt: event?.created_at ?? new Date() });
  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  await publish(keyed('a2'));
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
});

test('a change of the ordering lets go of what waited, and takes hold of what fails', async () => {
  const broken = new Set(['a1', 'b1']);
  failFor(broken);
  const subscription = await subscribe();
  await publish(keyed('a1', 'a2'));
  const worker = run.worker();
  await worker.runOnce();
  const change = async (ordering: 'none' | 'key') => {
    run.catalog.subscriptions.set(subscription.id, { ...subscription, ordering });
    await run.change('select 1');
  };
  await change('none');
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  await publish(keyed('b1', 'b2'));
  expect(await worker.runOnce()).toMatchObject({ delivered: 1, retried: 1 });
  await change('key');
  await publish(keyed('a3', 'b3', 'c1'));
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  broken.clear();
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 4 });
  expect(
    sent()
      .slice(-4)
      .filter((id) => id[0] === 'a'),
  ).toEqual(['a1', 'a3']);
});

describe('with batches', () => {
  const batch = { maxEvents: 10, maxBytes: 1_048_576 };
  const batches = () => requestsOf(run.hooks, 'billing').map(idsIn);

  test('one batch may hold several events of a key, in order, and what follows a failing one is sent after it', async () => {
    await subscribe({ batch });
    run.hooks.answer({
      status: 200,
      body: JSON.stringify({
        results: [
          { id: 'a1', verdict: 'retry' },
          { id: 'a3', verdict: 'drop' },
        ],
      }),
    });
    await publish(keyed('a1', 'a2', 'b1', 'a3', 'b2', 'a4'));
    const worker = run.worker();
    expect(await worker.runOnce()).toMatchObject({ delivered: 2, dropped: 1, retried: 3 });
    expect(batches()).toEqual([['a1', 'a2', 'b1', 'a3', 'b2', 'a4']]);
    run.clock.advance({ seconds: 1 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 3 });
    expect(batches().slice(1).flat()).toEqual(['a1', 'a2', 'a4']);
  });

  test('a poison event in an ordered batch isolates itself', async () => {
    await subscribe({ batch, nonRetryable: [422] });
    failFor(new Set(['a2']), 422);
    await publish(keyed('a1', 'a2', 'b1', 'a3', 'b2'));
    expect(await run.worker().runOnce()).toMatchObject({ delivered: 4, dead: 1 });
    const after = batches().slice(1).flat();
    expect(after.filter((id) => id[0] === 'a')).toEqual(['a1', 'a2', 'a3']);
    expect(after.filter((id) => id[0] === 'b')).toEqual(['b1', 'b2']);
  });

  test('strictly, one batch at a time, and the rest of a failed one in order', async () => {
    await subscribe({ batch: { ...batch, maxEvents: 3 }, ordering: 'strict', concurrency: 8 });
    let most = 0;
    let open = 0;
    run.hooks.respondWith(async (request) => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return idsIn(request).length > 1 && idsIn(request).includes('a5') ? 500 : 204;
    });
    await publish(keyed('a1', 'b2', 'a3', 'b4', 'a5', 'b6', 'a7'));
    expect(await run.worker().runOnce()).toMatchObject({ delivered: 7 });
    expect(most).toBe(1);
    expect(batches()).toEqual([['a1', 'b2', 'a3'], ['b4', 'a5', 'b6'], ['b4'], ['a5'], ['b6'], ['a7']]);
  });
});

test.each<Pick<DeliverySubscription, 'ordering'>>([{ ordering: 'key' }, { ordering: 'strict' }])(
  'what begins again after a seek waits for what is under way of its line ($ordering)',
  async ({ ordering }) => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let underWay = 0;
    let most = 0;
    run.hooks.respondWith(async (request) => {
      if (!idsIn(request).some((id) => id[0] === 'a')) return 204;
      underWay += 1;
      most = Math.max(most, underWay);
      await answered;
      underWay -= 1;
      return 204;
    });
    const { id } = await subscribe({ ordering });
    await publish(keyed('a1', 'a2'));
    const [{ stream_id: streamId } = { stream_id: 0 }] = await run.rows<{ stream_id: number }>(
      'select stream_id from streams',
    );
    const worker = run.worker();
    const running = worker.runOnce();
    await until(() => sent().length === 1, { what: 'the first request to be under way' });
    // Twice, so that what waits is itself taken the place of.
    for (let seeks = 0; seeks < 2; seeks += 1) {
      await run.change('select 1');
      await seekCursors(run.pool, id, { targets: [{ streamId, seq: 0, at: new Date(0) }], now: new Date() });
      await worker.reload();
    }
    await publish(keyed('b1'));
    worker.wake(new Map([[streamId, 3]]));
    if (ordering === 'key') await until(() => sent().includes('b1'), { what: 'another key, which waits for nobody' });
    answer();
    await running;
    await worker.runOnce();
    expect(most).toBe(1);
    expect(sent().filter((sentId) => sentId !== 'b1')).toEqual(['a1', 'a1', 'a2']);
    expect(await run.rows('select settled_seq::int from cursors')).toEqual([{ settled_seq: 3 }]);
  },
);

test('with three of ten answers failing and owners that vanish, every key arrives in order', async () => {
  await run.topic('orders.paid', 3);
  await run.subscribe('billing', {
    topics: ['orders.paid'],
    ordering: 'key',
    concurrency: 16,
    retry: { schedule: Array.from({ length: 49 }, () => 1), jitter: 0 },
  });
  const succeeded: string[] = [];
  const inFlight = new Map<string, number>();
  let overlaps = 0;
  let calls = 0;
  run.hooks.respondWith(async (request) => {
    const [id = ''] = idsIn(request);
    const key = id.split('-')[0] ?? '';
    const others = inFlight.get(key) ?? 0;
    overlaps += others;
    inFlight.set(key, others + 1);
    await new Promise((resolve) => setImmediate(resolve));
    inFlight.set(key, (inFlight.get(key) ?? 1) - 1);
    calls += 1;
    if (calls % 10 < 3) return 500;
    succeeded.push(id);
    return 204;
  });
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  await run.publish(
    'orders.paid',
    Array.from({ length: 30 }, (_, number) =>
      keys.map((key) => ({ id: `${key}-${String(number).padStart(2, '0')}`, key })),
    ).flat(),
  );
  for (let owner = 0; new Set(succeeded).size < 600 && owner < 60; owner += 1) {
    const worker = run.worker({ host: `host-${owner}` });
    await worker.runOnce();
    run.clock.advance({ seconds: 1 });
    await worker.runOnce();
    run.clock.advance({ seconds: 1 });
    await worker.stop();
  }
  expect(overlaps).toBe(0);
  for (const key of keys) {
    const first = [...new Set(succeeded.filter((id) => id.startsWith(`${key}-`)))];
    expect(first).toHaveLength(30);
    expect(first).toEqual(first.toSorted());
  }
  await until(async () => (await run.rows('select 1 from retries')).length === 0);
});
