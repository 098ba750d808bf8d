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
