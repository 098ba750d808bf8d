import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let bad: HookServer[];
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 4);
  bad = await Promise.all([hookServer(), hookServer()]);
});
afterEach(async () => {
  // A request that hangs would hold up the end of its worker.
  await Promise.all(bad.map(async (server) => server.close()));
  await run.close();
});

const publish = async (topic: string, count: number, from = 0) =>
  run.publish(
    topic,
    Array.from({ length: count }, (_, index) => ({ id: `e${from + index}` })),
  );
const ids = (name = 'billing') => requestsOf(run.hooks, name).map(({ headers }) => String(headers['webhook-id']));
const liveClock = { now: () => Date.now(), monotonic: () => performance.now() };

test('a hook that hangs does not slow the others, nor does it take more than a quarter of the slots', async () => {
  const [hanging] = bad as [HookServer];
  hanging.respondWith(() => ({ hang: true }));
  for (const name of ['slow-1', 'slow-2', 'slow-3']) {
    await run.subscribe(name, {
      topics: ['orders.created'],
      url: `${hanging.url}/${name}`,
      concurrency: 32,
      timeoutMs: 60_000,
    });
  }
  await run.subscribe('billing', { topics: ['orders.created'] });
  await publish('orders.created', 500);
  const worker = run.worker({ clock: liveClock, slots: 64 });
  worker.start();
  await until(() => ids().length === 500, { what: 'the healthy hook to get everything' });
  await until(() => hanging.requests.length === 16, { what: 'the hanging hook to have its quarter' });
  const perSubscription = ['/slow-1', '/slow-2', '/slow-3'].map(
    (path) => hanging.requests.filter(({ url }) => url === path).length,
  );
  expect(Math.max(...perSubscription) - Math.min(...perSubscription)).toBeLessThanOrEqual(1);
});

test('of two subscriptions at one endpoint, one with much to send does not keep the other from its turn', async () => {
  const [shared] = bad as [HookServer];
  const answers: (() => void)[] = [];
  shared.respondWith(async () => {
    await new Promise<void>((resolve) => answers.push(resolve));
    return 204;
  });
  await run.topic('reports.made', 1);
  // As many as the endpoint has: whenever it is full, so is the window of the flooded one.
  const settings = { concurrency: 1, timeoutMs: 60_000 };
  await run.subscribe('flooded', { ...settings, topics: ['orders.created'], url: `${shared.url}/flooded` });
  await run.subscribe('quiet', { ...settings, topics: ['reports.made'], url: `${shared.url}/quiet` });
  const of = (path: string) => shared.requests.filter(({ url }) => url === path).length;
  const answerOne = async () => {
    const before = shared.requests.length;
    await until(() => answers.length > 0, { what: 'a request to answer' });
    answers.shift()?.();
    await until(() => shared.requests.length > before, { what: 'the next request' });
  };
  await publish('orders.created', 200);
  const worker = run.worker({ clock: liveClock, slots: 4 });
  worker.start();
  await until(() => of('/flooded') === 1, { what: 'the only slot of the endpoint to be taken' });
  for (let count = 0; count < 20; count += 1) await answerOne();
  const before = worker.buffered.events;
  await publish('reports.made', 100, 1_000);
  await until(() => worker.buffered.events > before, { what: 'the quiet one to have something to send' });
  for (let count = 0; count < 10; count += 1) await answerOne();
  expect(of('/quiet')).toBeGreaterThanOrEqual(4);
});

test('a subscription with a rate has its turn at an endpoint that is busy for longer than its tokens last', async () => {
  const [shared] = bad as [HookServer];
  shared.respondWith(() => ({ status: 204, delayMs: 1_300 }));
  await run.topic('reports.made', 1);
  await run.subscribe('flooded', { topics: ['orders.created'], url: `${shared.url}/flooded` });
  await run.subscribe('limited', { topics: ['reports.made'], url: `${shared.url}/limited`, rateLimit: 5 });
  const of = (path: string) => shared.requests.filter(({ url }) => url === path).length;
  await publish('orders.created', 100);
  // The endpoint has one slot.
  const worker = run.worker({ clock: liveClock, slots: 4 });
  worker.start();
  await until(() => of('/flooded') === 1, { what: 'the slot to be taken' });
  await publish('reports.made', 2);
  await until(() => of('/limited') === 2, { what: 'the limited one to be sent to', timeoutMs: 10_000 });
});

/** Answers a request when all of the subscriptions have theirs about the same event. */
function inStep(subscriptions: number): (eventId: string) => Promise<number> {
  const waves = new Map<string, { waiting: number; whole: Promise<void>; complete: () => void }>();
  return async (eventId) => {
    let wave = waves.get(eventId);
    if (!wave) {
      let complete = () => {};
      const whole = new Promise<void>((resolve) => (complete = resolve));
      wave = { waiting: 0, whole, complete };
      waves.set(eventId, wave);
    }
    wave.waiting += 1;
    if (wave.waiting === subscriptions) wave.complete();
    await wave.whole;
    return 204;
  };
}

test('of 20 subscriptions one begins to hang and one to fail: no delivery of the other 18 waits for them', async () => {
  const [hanging, failing] = bad as [HookServer, HookServer];
  await run.topic('reports.made', 1);
  const healthy = Array.from({ length: 18 }, (_, index) => `healthy-${index}`);
  for (const name of healthy) await run.subscribe(name, { topics: ['reports.made'], concurrency: 1 });
  const others = { topics: ['reports.made'], concurrency: 128, timeoutMs: 60_000 };
  await run.subscribe('hanging', { ...others, url: `${hanging.url}/hanging` });
  await run.subscribe('failing', { ...others, url: `${failing.url}/failing` });
  const worker = run.worker({ clock: liveClock, slots: 80 });
  worker.start();
  // While all is well every window opens.
  await publish('reports.made', 200);
  const hasAll = (events: number) => healthy.every((name) => ids(name).length === events);
  await until(() => hasAll(200) && hanging.requests.length === 200 && failing.requests.length === 200, {
    what: 'the good times',
  });

  hanging.respondWith(() => ({ hang: true }));
  failing.respondWith(() => 500);
  const step = inStep(healthy.length);
  // No event is answered before all 18 have it: one that waited for a slot would hold up all that follow.
  run.hooks.respondWith(async ({ headers }) => step(String(headers['webhook-id'])));
  await publish('reports.made', 60, 200);
  await until(() => hasAll(260), { what: 'the healthy ones to get everything' });

  const quarter = 80 / 4;
  expect(hanging.requests.length - 200).toBeGreaterThan(0);
  expect(hanging.requests.length - 200).toBeLessThanOrEqual(quarter);
  // The breaker opens after 20 failures in a row; those that are under way by then come on top.
  expect(failing.requests.length - 200).toBeGreaterThanOrEqual(20);
  expect(failing.requests.length - 200).toBeLessThanOrEqual(20 + quarter);
  for (const name of healthy) expect(new Set(ids(name)).size).toBe(260);
});

test('a subscription that moves to another endpoint leaves its turn at the old one to the next', async () => {
  const [slow] = bad as [HookServer];
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  slow.respondWith(async () => {
    await answered;
    return 204;
  });
  await run.topic('reports.made', 1);
  const made = [];
  for (const name of ['first', 'next', 'last'])
    made.push(await run.subscribe(name, { topics: ['reports.made'], url: `${slow.url}/${name}` }));
  await publish('reports.made', 1);
  const worker = run.worker({ slots: 4 });
  const round = worker.runOnce();
  await until(() => slow.requests.length === 1, { what: 'one request in flight, two subscriptions in line' });
  for (const each of made.slice(1, 2))
    run.catalog.subscriptions.set(each.id, { ...each, url: `${run.hooks.url}/next` });
  await run.change('select 1');
  await worker.reload();
  answer();
  await round;
  expect(ids('next')).toEqual(['e0']);
  expect(slow.requests.map(({ url }) => url)).toEqual(['/first', '/last']);
});
