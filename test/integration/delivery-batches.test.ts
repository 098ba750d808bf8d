import { parseAttempts, parsePositions, verify } from '@hookcast/protocol';
import type { NewEvent } from '@hookcast/log';
import type { ReceivedRequest, ScriptedAnswer } from '../support/hook-server.js';
import { requestsOf, secret, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

const batch = { maxEvents: 100, maxBytes: 1_048_576 };
const subscribe = async (more: Partial<Parameters<DeliverySetup['subscribe']>[1]> = {}) =>
  run.subscribe('billing', { topics: ['orders.created'], batch, concurrency: 1, ...more });
const publish = async (count: number, more: (index: number) => Partial<NewEvent> = () => ({})) =>
  run.publish(
    'orders.created',
    Array.from({ length: count }, (_, index) => ({ id: `e${index}`, ...more(index) })),
  );

const idsIn = ({ body }: { body: Buffer }): string[] =>
  (JSON.parse(body.toString()) as { id: string }[]).map(({ id }) => id);
const requests = () => requestsOf(run.hooks, 'billing');
const sizes = () => requests().map((request) => idsIn(request).length);
const attempts = async () =>
  run.rows<{ seq: number; attempt_no: number; outcome: number; http_status: number | null }>(
    'select seq::int, attempt_no, outcome, http_status from attempts order by stream_id, seq, attempt_no',
  );
const answerResults = (results: unknown, more: Partial<ScriptedAnswer> = {}): ScriptedAnswer => ({
  status: 200,
  body: JSON.stringify({ results }),
  ...more,
});
const holds = (request: ReceivedRequest, id: string) => idsIn(request).includes(id);

test('what is ready goes in one signed request, with the bytes of the data', async () => {
  await subscribe();
  const data = Buffer.from('{"total":12345678901234567890,"rate":1.0}');
  await publish(250, () => ({ data, attributes: { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` } }));
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 250 });

  expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(250);
  expect(Math.max(...sizes())).toBe(100);
  expect(new Set(requests().flatMap(idsIn)).size).toBe(250);
  for (const request of requests()) {
    const ids = idsIn(request);
    expect(request.headers).toMatchObject({
      'content-type': 'application/cloudevents-batch+json; charset=utf-8',
      'webhook-id': `batch_${ids[0]}_${ids.length}`,
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing',
      'hookcast-attempt': '1',
    });
    expect(request.headers).not.toHaveProperty('traceparent');
    expect(verify(request, { secrets: [secret] })).toEqual({ kind: 'verified' });
    expect(request.body.toString().split('"data":{"total":12345678901234567890,"rate":1.0}').length - 1).toBe(
      ids.length,
    );
  }
  expect(await attempts()).toHaveLength(250);
  expect(await run.rows('select sum(delivered)::int as delivered from cursors')).toEqual([{ delivered: 250 }]);
});

test('one event is a batch too, its id escaped', async () => {
  await subscribe();
  await run.publish('orders.created', [{ id: 'a.b%c' }]);
  await run.worker().runOnce();
  expect(requests().map(({ headers }) => headers['webhook-id'])).toEqual(['batch_a%2Eb%25c_1']);
  expect(requests().map(idsIn)).toEqual([['a.b%c']]);
});

test('a batch stays within its bytes, except for a single larger event', async () => {
  await subscribe({ batch: { maxEvents: 100, maxBytes: 2_048 } });
  await publish(9, (index) => ({ data: Buffer.from(JSON.stringify('x'.repeat(index === 4 ? 5_000 : 600))) }));
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 9 });
  for (const request of requests())
    if (idsIn(request).length > 1) expect(request.body.length).toBeLessThanOrEqual(2_048);
  expect(requests().flatMap(idsIn).toSorted()).toEqual(Array.from({ length: 9 }, (_, index) => `e${index}`));
  expect(sizes().length).toBeLessThan(9);
});

test('events of two topics never share a request', async () => {
  await run.topic('orders.paid', 2);
  await subscribe({ topics: ['orders.created', 'orders.paid'] });
  await run.publish('orders.paid', [{ id: 'p0' }, { id: 'p1' }, { id: 'p2' }]);
  await publish(3);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 6 });
  for (const request of requests()) expect(new Set(idsIn(request).map((id) => id[0])).size).toBe(1);
});

test('the streams of a topic share a request', async () => {
  await run.topic('orders.paid', 8);
  await run.subscribe('billing', { topics: ['orders.paid'], batch, concurrency: 1 });
  let isFirst = true;
  run.hooks.respondWith(() => {
    const delayMs = isFirst ? 300 : 0;
    isFirst = false;
    return { delayMs };
  });
  await run.publish(
    'orders.paid',
    Array.from({ length: 60 }, () => ({})),
  );
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 60 });
  // While the first was under way others were read.
  expect(sizes().length).toBeLessThan(8);
});

test('the headers tell where each event of a batch stands, whatever its stream', async () => {
  await run.topic('orders.paid', 4);
  await run.subscribe('billing', { topics: ['orders.paid'], batch, concurrency: 1 });
  const ids = Array.from({ length: 120 }, (_, index) => `p${index}`);
  const published = await run.publish(
    'orders.paid',
    ids.map((id) => ({ id })),
  );
  const positions = new Map(published.map(({ position }, index) => [ids[index], position]));
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 120 });
  const batches = requests().filter((request) => idsIn(request).length > 1);
  expect(batches.length).toBeGreaterThan(0);
  for (const request of batches) {
    const expected = idsIn(request).map((id) => positions.get(id));
    const { 'hookcast-positions': told, 'hookcast-position': first } = request.headers;
    expect(parsePositions(String(told), expected.length)).toEqual(expected);
    expect(first).toBe(expected[0]);
    expect(request.headers).not.toHaveProperty('hookcast-attempts');
  }
  expect(Math.max(...batches.map(({ headers }) => String(headers['hookcast-positions']).length))).toBeLessThan(60);
});

test('the headers tell the attempt of each event where they differ', async () => {
  await subscribe({ retry: { schedule: [1, 1, 1], jitter: 0 } });
  const worker = run.worker();
  run.hooks.respondWith(() => 429);
  await publish(2);
  expect(await worker.runOnce()).toMatchObject({ retried: 2 });
  await run.publish('orders.created', [{ id: 'late1' }, { id: 'late2' }, { id: 'late3' }]);
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ retried: 5 });
  run.clock.advance({ seconds: 1 });
  run.hooks.requests.length = 0;
  run.hooks.respondWith(() => 204);
  expect(await worker.runOnce()).toMatchObject({ delivered: 5 });
  const [request] = requests();
  const expected = { e0: 3, e1: 3, late1: 2, late2: 2, late3: 2 };
  const told = parseAttempts(String(request?.headers['hookcast-attempts']), 5);
  expect(Object.fromEntries(idsIn(request ?? { body: Buffer.from('[]') }).map((id, at) => [id, told?.[at]]))).toEqual(
    expected,
  );
  expect(request?.headers['hookcast-attempt']).toBe('3');
});

test('a batch ends where the headers could not tell where each event stands any more', async () => {
  await run.topic('orders.scattered', 8);
  await subscribe({ topics: ['orders.scattered'], batch: { maxEvents: 1_000, maxBytes: 4_194_304 } });
  const ids = Array.from({ length: 1_600 }, (_, index) => ({ id: `s${index}` }));
  const published = await run.publish('orders.scattered', ids);
  // Farther apart than a filter leaves them, and no two steps alike.
  await run.rows('update events set seq = seq * (10007 + seq)');
  await run.rows('update streams set head_seq = head_seq * (10007 + head_seq)');
  const scattered = published.map(({ position }) =>
    position.replace(/\d+$/, (seq) => String(Number(seq) * (10_007 + Number(seq)))),
  );
  const positions = new Map(scattered.map((position, index) => [`s${index}`, position]));
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 1_600 });
  expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(1_600);
  for (const request of requests().filter((one) => idsIn(one).length > 1)) {
    const expected = idsIn(request).map((id) => positions.get(id));
    expect(parsePositions(String(request.headers['hookcast-positions']), expected.length)).toEqual(expected);
  }
  // More than 600 when the worker finds all of them in memory; it sends what it has when it does not.
  expect(Math.max(...sizes())).toBeGreaterThan(300);
});

test('the answer may speak about each event', async () => {
  await subscribe();
  await publish(6);
  const long = { id: 'stranger', verdict: 'retry', why: 'x'.repeat(20_000) };
  run.hooks.answer(
    answerResults([
      long,
      { id: 'e1', verdict: 'retry' },
      { id: 'e2', verdict: 'drop' },
      { id: 'e3', verdict: 'dead-letter' },
      { id: 'e4', verdict: 'ok' },
    ]),
  );
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 3, retried: 1, dropped: 1, dead: 1 });
  expect(await run.rows('select event_id, reason from dead_letters')).toEqual([{ event_id: 'e3', reason: 'verdict' }]);
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(idsIn(requests().at(-1) ?? { body: Buffer.from('[]') })).toEqual(['e1']);
  const kept = await run.rows<{ bytes: number }>('select max(length(response)) as bytes from attempts');
  expect(kept[0]?.bytes).toBeLessThanOrEqual(8_192);
});

test('a poison event isolates itself and costs the others one attempt', async () => {
  await subscribe({ nonRetryable: [422], concurrency: 4 });
  run.hooks.respondWith((request) => (holds(request, 'e13') ? 422 : 204));
  await publish(40);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 39, dead: 1 });
  expect(await run.rows('select event_id, reason, attempts from dead_letters')).toEqual([
    { event_id: 'e13', reason: 'non-retryable', attempts: 2 },
  ]);
  const perEvent = new Map<number, number>();
  for (const { outcome } of await attempts()) perEvent.set(outcome, (perEvent.get(outcome) ?? 0) + 1);
  // delivered 39, dead 1; the batch failed once for each event that was in it.
  expect(perEvent.get(1)).toBe(39);
  expect(perEvent.get(3)).toBe(1);
  expect(await run.rows('select 1 from retries')).toEqual([]);
});

test('a poison event that is answered with 404 isolates itself too, once the batch has waited', async () => {
  await subscribe({ retry: { schedule: [1, 1], jitter: 0 } });
  run.hooks.respondWith((request) => (holds(request, 'e1') ? 404 : 204));
  await publish(3);
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ retried: 3 });
  run.clock.advance({ seconds: 1 });
  await worker.runOnce();
  expect(await run.rows('select delivered::int from cursors where delivered > 0')).toEqual([{ delivered: 2 }]);
  run.clock.advance({ seconds: 1 });
  await worker.runOnce();
  expect(await run.rows('select event_id from dead_letters')).toEqual([{ event_id: 'e1' }]);
});

test('singles after a failed batch follow at once, and have a try of their own even without a schedule', async () => {
  await subscribe({ retry: { schedule: [], jitter: 0 } });
  run.hooks.respondWith((request) => (holds(request, 'e1') ? 500 : 204));
  await publish(3);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 2, dead: 1 });
  const tries = requests().filter((request) => holds(request, 'e1'));
  expect(tries.map(({ headers }) => headers['hookcast-attempt'])).toEqual(['1', '2']);
  expect(tries.map((request) => idsIn(request).length)).toEqual([3, 1]);
});

test('one whose answer never comes is found too', async () => {
  await subscribe({ timeoutMs: 300, concurrency: 8 });
  run.hooks.respondWith((request) => (holds(request, 'e2') ? { hang: true } : 204));
  await publish(5);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 4 });
  expect(await run.rows('select attempt_no, kind from retries')).toEqual([{ attempt_no: 2, kind: 4 }]);
});

test.each([503, 429, 404])(
  '%i says nothing about events at first: the batch waits, and is a batch again',
  async (status) => {
    await subscribe();
    run.hooks.answer(status);
    await publish(30);
    const worker = run.worker();
    expect(await worker.runOnce()).toMatchObject({ retried: 30 });
    expect(sizes()).toEqual([30]);
    run.clock.advance({ seconds: 1 });
    expect(await worker.runOnce()).toMatchObject({ delivered: 30 });
    expect(sizes().length).toBeLessThanOrEqual(3);
    expect(requests().at(-1)?.headers['hookcast-attempt']).toBe('2');
  },
);

test('a failed event that was separated stays by itself', async () => {
  await subscribe({ retry: { schedule: [1, 1, 1, 1], jitter: 0 }, concurrency: 8 });
  const broken = new Set(['e1', 'e2']);
  run.hooks.respondWith((request) => (idsIn(request).some((id) => broken.has(id)) ? 500 : 204));
  await publish(4);
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
  broken.delete('e1');
  run.hooks.requests.length = 0;
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(
    requests()
      .map((request) => idsIn(request).join())
      .toSorted(),
  ).toEqual(['e1', 'e2']);
});

test('the log says one line for a batch and one for each event that did not come through', async () => {
  await subscribe();
  run.hooks.answer(answerResults([{ id: 'e1', verdict: 'drop' }]));
  await publish(3);
  await run.worker().runOnce();
  const attempted = run.lines.filter(({ event }) => event.startsWith('delivery.') && event.endsWith('attempted'));
  expect(attempted.map(({ event, fields }) => [event, fields['events'] ?? fields['eventId']])).toEqual([
    ['delivery.batch-attempted', 3],
    ['delivery.attempted', 'e1'],
  ]);
});
