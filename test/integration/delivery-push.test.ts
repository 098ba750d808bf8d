import { Webhook } from 'standardwebhooks';
import { until } from '../support/until.js';
import { requestsOf, secret, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created');
});
afterEach(async () => run.close());

const ids = (name: string) => requestsOf(run.hooks, name).map(({ headers }) => String(headers['webhook-id']));

test('pushes every event, byte for byte and signed, and settles it', async () => {
  const { hooks, publish, rows } = run;
  await run.subscribe('billing', { topics: ['orders.created'] });
  const published = await publish('orders.created', [{ id: 'evt.1' }, { id: 'evt%2' }, {}]);

  expect(await run.worker().runOnce()).toMatchObject({ delivered: 3 });

  const requests = requestsOf(hooks, 'billing');
  for (const { headers, body } of requests) {
    expect(body.toString()).toContain('"data":{"total":12345678901234567890,"rate":1.0}');
    expect(headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing',
      'hookcast-attempt': '1',
    });
  }
  expect(ids('billing')).toEqual(expect.arrayContaining(['evt%2E1', 'evt%252']));
  expect(new Set(requests.map(({ headers }) => headers['hookcast-position']))).toEqual(
    new Set(published.map(({ position }) => position)),
  );
  const cursors = await rows(
    `select sum(delivered)::int as delivered, bool_and(settled_seq = head_seq) as done
       from cursors join streams using (stream_id)`,
  );
  expect(cursors).toEqual([{ delivered: 3, done: true }]);
  expect(await rows('select outcome, http_status, attempt_no from attempts')).toEqual(
    Array.from({ length: 3 }, () => ({ outcome: 1, http_status: 204, attempt_no: 1 })),
  );
});

test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
  'a hook of format %s gets requests that the standardwebhooks package verifies',
  async (format) => {
    await run.subscribe('billing', { topics: ['orders.created'], format });
    await run.publish('orders.created', [{}, { data: Buffer.from('"ü"') }]);
    await run.worker().runOnce();
    const requests = requestsOf(run.hooks, 'billing');
    expect(requests).toHaveLength(2);
    for (const { headers, body } of requests) {
      expect(() => new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).not.toThrow();
    }
  },
);

test('binary form carries data of any kind untouched', async () => {
  const bytes = Buffer.from([0, 255, 128, 10, 13]);
  await run.subscribe('billing', { topics: ['orders.created'], format: 'cloudevents-binary' });
  await run.publish('orders.created', [{ contentType: 'application/octet-stream', data: bytes }]);
  await run.worker().runOnce();
  const [request] = requestsOf(run.hooks, 'billing');
  expect(request?.body).toEqual(bytes);
  expect(request?.headers['content-type']).toBe('application/octet-stream');
});

test('every subscription gets every event of its topics and no other', async () => {
  await run.topic('orders.paid', 3);
  await run.subscribe('billing', { topics: ['orders.created', 'orders.paid'] });
  await run.subscribe('email', { topics: ['orders.paid'] });
  await run.publish('orders.created', [{ id: 'c1' }, { id: 'c2' }]);
  await run.publish('orders.paid', [{ id: 'p1' }, { id: 'p2' }, { id: 'p3' }]);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 8 });
  expect(new Set(ids('billing'))).toEqual(new Set(['c1', 'c2', 'p1', 'p2', 'p3']));
  expect(new Set(ids('email'))).toEqual(new Set(['p1', 'p2', 'p3']));
});

test('a subscription that starts at the latest position gets nothing from before', async () => {
  await run.publish('orders.created', [{ id: 'old' }]);
  await run.subscribe('billing', { topics: ['orders.created'], start: { kind: 'latest' } });
  await run.publish('orders.created', [{ id: 'new' }]);
  await run.worker().runOnce();
  expect(ids('billing')).toEqual(['new']);
});

test('a subscription that is created while the worker runs gets what follows', async () => {
  const worker = run.worker();
  await worker.runOnce();
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
});

test('a topic that is created while the worker runs is delivered from', async () => {
  const worker = run.worker();
  await worker.runOnce();
  await run.topic('orders.paid', 1);
  await run.subscribe('billing', { topics: ['orders.paid'] });
  await run.publish('orders.paid', [{ id: 'e1' }]);
  worker.start();
  await until(() => ids('billing').length === 1, { what: 'the delivery' });
  expect(ids('billing')).toEqual(['e1']);
});

test('an event is not delivered before its time', async () => {
  const worker = run.worker();
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'later', deliverAt: new Date(run.clock.now() + 60_000) }, { id: 'now' }]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  run.clock.advance({ seconds: 59 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 0 });
  run.clock.advance({ seconds: 2 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(ids('billing')).toEqual(['now', 'later']);
  expect(requestsOf(run.hooks, 'billing').map(({ headers }) => headers['hookcast-attempt'])).toEqual(['1', '1']);
});

test('an event that has expired is dead-lettered unsent', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'late', expiresAt: new Date(run.clock.now() - 1_000) }]);
  await run.worker().runOnce();
  expect(run.hooks.requests).toHaveLength(0);
  expect(await run.rows('select event_id, reason, attempts from dead_letters')).toEqual([
    { event_id: 'late', reason: 'expired', attempts: 0 },
  ]);
});

test('with HOOKCAST_ATTEMPT_LOG=failures a success leaves no row', async () => {
  run.hooks.answer(204, 500);
  await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  await run.publish('orders.created', [{}, {}]);
  await run.worker({ attemptLog: 'failures' }).runOnce();
  expect(await run.rows('select outcome, http_status from attempts')).toEqual([{ outcome: 2, http_status: 500 }]);
});

test('every attempt writes one line with its ids and no payload', async () => {
  await run.subscribe('billing', { topics: ['orders.created'] });
  await run.publish('orders.created', [{ id: 'e1' }]);
  await run.worker().runOnce();
  const attempted = run.lines.filter(({ event }) => event === 'delivery.attempted');
  expect(attempted).toEqual([
    {
      event: 'delivery.attempted',
      fields: {
        eventId: 'e1',
        position: expect.stringMatching(/^\d+:1$/),
        topic: 'orders.created',
        subscription: 'billing',
        attempt: 1,
        outcome: 'delivered',
        status: 204,
        durationMs: expect.any(Number),
      },
    },
  ]);
  expect(JSON.stringify(run.lines)).not.toMatch(/12345678901234567890|whsec_/);
});

test('a subscription whose secret is malformed is not sent to unsigned, and keeps its backlog', async () => {
  await run.subscribe('billing', { topics: ['orders.created'], secrets: ['hunter2'] });
  await run.subscribe('email', { topics: ['orders.created'] });
  await run.publish('orders.created', [{}]);
  expect(await run.worker().runOnce()).toMatchObject({ delivered: 1 });
  expect(ids('billing')).toEqual([]);
  expect(run.lines.map(({ event }) => event)).toContain('delivery.subscription-unusable');
  expect(JSON.stringify(run.lines)).not.toContain('hunter2');
});
