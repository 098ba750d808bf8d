import { Appender, DayPartitions, ensureDays } from '@hookcast/log';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
});
afterEach(async () => run.close());

const hourMs = 3_600_000;

/** A topic that keeps events for a day, with events of three days ago. */
async function withOldEvents(events: { id: string; deliverAt?: Date; expiresAt?: Date }[]): Promise<void> {
  const topic = await run.topic('reminders.due', 1);
  await run.pool.query('update topics set retention_days = 1');
  const threeDaysAgo = new Date(Date.now() - 72 * hourMs);
  await ensureDays(run.pool, threeDaysAgo, 4);
  const past = new Appender({ pool: run.pool, now: () => threeDaysAgo });
  const data = Buffer.from('{"total":1.0}');
  const common = { type: 'old', source: '/old', contentType: 'application/json', attributes: {}, data };
  await past.append(
    topic,
    events.map((event) => ({ ...common, ...event })),
  );
  await past.stop();
}

const dueIn = (hours: number) => new Date(run.clock.now() + hours * hourMs);
const sent = () => requestsOf(run.hooks, 'billing').map(({ headers }) => headers['webhook-id']);

test('a delayed event whose day goes before it is due is delivered at its time', async () => {
  await withOldEvents([{ id: 'later', deliverAt: dueIn(5) }]);
  await run.subscribe('billing', { topics: ['reminders.due'] });
  const worker = run.worker();
  await worker.runOnce();
  expect(await new DayPartitions({ pool: run.pool }).runOnce()).toMatchObject({ buried: 0, expired: 0 });
  expect(await run.rows('select event_id, announced from dead_letters')).toEqual([
    { event_id: 'later', announced: true },
  ]);
  await worker.runOnce();
  expect(sent()).toEqual([]);
  run.clock.advance({ seconds: 5 * 3_600 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(sent()).toEqual(['later']);
  expect(JSON.parse(String(requestsOf(run.hooks, 'billing')[0]?.body))).toMatchObject({
    id: 'later',
    data: { total: 1 },
  });
  expect(await run.rows('select seq from dead_letters union all select seq from retries')).toEqual([]);
});

test('a delayed event is delivered though its day goes in the second before it is due', async () => {
  await withOldEvents([{ id: 'soon', deliverAt: dueIn(5) }]);
  await run.subscribe('billing', { topics: ['reminders.due'], retry: { schedule: [1], jitter: 0 } });
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 5 * 3_600 - 1 });
  // By now the worker has it in memory.
  await worker.runOnce();
  await new DayPartitions({ pool: run.pool, now: () => new Date(run.clock.now()) }).runOnce();
  run.hooks.answer(500);
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ retried: 1 });
  run.clock.advance({ seconds: 1 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  expect(sent()).toEqual(['soon', 'soon']);
  expect(await run.rows('select seq from dead_letters union all select seq from retries')).toEqual([]);
});

test('one that expires before it is due is given up with its day', async () => {
  await withOldEvents([{ id: 'useless', deliverAt: dueIn(5), expiresAt: dueIn(4) }]);
  await run.subscribe('billing', { topics: ['reminders.due'] });
  await run.worker().runOnce();
  expect(await new DayPartitions({ pool: run.pool }).runOnce()).toMatchObject({ buried: 1 });
  expect(await run.rows('select reason, announced from dead_letters')).toEqual([
    { reason: 'expired', announced: false },
  ]);
  expect(await run.rows('select seq from retries')).toEqual([]);
});

test('what went with its day before it was sent is not read for again and again', async () => {
  await withOldEvents([{ id: 'a' }, { id: 'b' }]);
  const [stream] = await run.rows<{ id: number }>('select stream_id as id from streams');
  await run.subscribe('billing', { topics: ['reminders.due'] });
  const worker = run.worker();
  await run.change(`update subscriptions set state = 'paused'`);
  await worker.runOnce();
  expect(await new DayPartitions({ pool: run.pool }).runOnce()).toMatchObject({ expired: 2 });
  await run.change(`update subscriptions set state = 'active'`);
  // A round ends when nothing is left to be read.
  await worker.runOnce();
  // Anybody may send a hint, and a wrong one must not keep the worker from what comes.
  worker.wake(new Map([[stream?.id ?? 0, 1_000]]));
  await worker.runOnce();
  await run.publish('reminders.due', [{ id: 'c' }]);
  await worker.runOnce();
  expect(sent()).toEqual(['c']);
});

test('an endpoint that is down is probed, though what waited longest for it went with its day', async () => {
  await withOldEvents(Array.from({ length: 300 }, (_, index) => ({ id: `old-${index}` })));
  await run.topic('orders.created', 1);
  run.hooks.respondWith(() => 503);
  await run.subscribe('billing', { topics: ['reminders.due', 'orders.created'] });
  const worker = run.worker();
  await worker.runOnce();
  const { trimmed } = await new DayPartitions({ pool: run.pool }).runOnce();
  expect(trimmed).toBe(300);
  run.clock.advance({ seconds: 5 });
  expect(await worker.runOnce()).toMatchObject({ parked: 1 });
  run.hooks.respondWith(() => 204);
  await run.publish('orders.created', [{ id: 'new' }]);
  run.clock.advance({ seconds: 10 });
  await worker.runOnce();
  await worker.runOnce();
  expect(sent()).toContain('new');
});
