import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => run.close());

const sent = () => requestsOf(run.hooks, 'billing').length;
const settled = async () =>
  (await run.rows<{ seq: number }>('select settled_seq::int as seq from cursors'))[0]?.seq ?? 0;

test.each(['paused', 'deleted'])(
  'a worker that cannot learn that a subscription was %s sends for 6.5 seconds after it last asked, and no longer',
  async (what) => {
    const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1, timeoutMs: 60_000 });
    const answers: (() => void)[] = [];
    run.hooks.respondWith(async () => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return 204;
    });
    let monotonic = 0;
    const worker = run.worker({ clock: { now: run.clock.now, monotonic: () => monotonic } });
    await worker.runOnce();
    await run.publish('orders.created', [{}, {}, {}, {}]);
    const round = worker.runOnce();
    await until(() => answers.length === 1, { what: 'the first request' });

    if (what === 'paused') await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
    else await run.change('delete from subscriptions where id = $1', [id]);
    await run.rows('alter table control_state rename to control_state_away');
    monotonic = 6_499;
    answers[0]?.();
    await until(() => answers.length === 2, { what: 'the second request' });
    monotonic = 6_501;
    answers[1]?.();
    await until(async () => (await settled()) === 2, { what: 'the second result' });
    expect(sent()).toBe(2);

    await run.rows('alter table control_state_away rename to control_state');
    await worker.runOnce();
    await round;
    expect(sent()).toBe(2);
  },
);

test('a worker that was told nothing learns of a pause with its next poll, within a second', async () => {
  const { id } = await run.subscribe('billing', { topics: ['orders.created'], concurrency: 1 });
  run.hooks.respondWith(() => ({ status: 204, delayMs: 20 }));
  await run.publish(
    'orders.created',
    Array.from({ length: 1_000 }, () => ({})),
  );
  const worker = run.worker({ clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  worker.start();
  await until(() => sent() > 5, { what: 'the flood' });
  await run.change(`update subscriptions set state = 'paused' where id = $1`, [id]);
  const pausedAt = Date.now();
  await until(() => run.hooks.requests.every(({ at }) => at.getTime() < Date.now() - 500), {
    what: 'half a second without a request',
  });
  const last = Math.max(...run.hooks.requests.map(({ at }) => at.getTime()));
  // A second of pause between two polls, and what they take on a busy machine; without a poll it takes 6.5 s.
  expect(last - pausedAt).toBeLessThan(6_000);
});
