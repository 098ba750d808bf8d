import type { DeliverySubscription } from '@hookcast/delivery';
import { freePort } from '../support/broker.js';
import { hookServer, type Answer, type HookServer } from '../support/hook-server.js';
import { rawHook } from '../support/raw-hook.js';
import { until } from '../support/until.js';
import { setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
const open: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  run = await setup();
  await run.topic('orders.created', 1);
});
afterEach(async () => {
  await run.close();
  for (const close of open.splice(0)) await close();
});

const batch = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `e${index}` }));
const counts = async () => {
  const [row] = await run.rows<{ retries: number; attempts: number; dead: number }>(
    `select (select count(*) from retries)::int as retries, (select count(*) from attempts)::int as attempts,
            (select count(*) from dead_letters)::int as dead`,
  );
  return row;
};
const nothing = { retries: 0, attempts: 0, dead: 0 };
const parks = () =>
  run.rows<{ reason: string; wait: number; probes: number; error: string }>(
    `select park_reason as reason, round(extract(epoch from parked_until) * 1000 - $1)::int as wait,
            park_probes as probes, park_error as error
       from cursors where parked_until is not null`,
    [run.clock.now()],
  );
const isUnheard = async () =>
  (await run.rows<{ never_answered: boolean }>('select never_answered from subscriptions'))[0]?.never_answered;

/** A service that is not there yet, and how to start it. */
async function lateService(): Promise<{ url: string; start: (answer?: Answer) => Promise<HookServer> }> {
  const port = await freePort();
  const start = async (answer: Answer = 204) => {
    const server = await hookServer({ port });
    open.push(async () => server.close());
    server.respondWith(() => answer);
    return server;
  };
  return { url: `http://127.0.0.1:${port}/billing`, start };
}
const subscribe = async (url: string, more: Partial<Omit<DeliverySubscription, 'topics'>> = {}) =>
  run.subscribe('billing', {
    topics: ['orders.created'],
    url,
    neverAnswered: true,
    retry: { schedule: [1, 1, 1], jitter: 0 },
    ...more,
  });

test('what never answered is parked by its first try: no rows, no attempt, one probe at a time', async () => {
  const { url, start } = await lateService();
  await subscribe(url);
  await run.publish('orders.created', batch(100));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ retried: 0, dead: 0 });
  expect(await parks()).toMatchObject([{ reason: 'failing', wait: 5_000, probes: 0 }]);
  expect((await parks())[0]?.error).toMatch(/^refused: /);
  for (const wait of [5, 10, 20, 40]) {
    run.clock.advance({ seconds: wait - 0.001 });
    expect(await worker.runOnce()).toMatchObject({ parked: 0 });
    run.clock.advance({ seconds: 0.001 });
    expect(await worker.runOnce()).toMatchObject({ parked: 1, retried: 0, dead: 0 });
  }
  expect(await counts()).toEqual(nothing);
  const service = await start();
  run.clock.advance({ seconds: 80 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 100 });
  expect(new Set(service.requests.map(({ headers }) => headers['hookcast-attempt']))).toEqual(new Set(['1']));
  expect(await parks()).toEqual([]);
});

test('a delivery that may be tried once only is not given up by a service that is late', async () => {
  const { url, start } = await lateService();
  await subscribe(url, { retry: { schedule: [], jitter: 0 } });
  await run.publish('orders.created', batch(20));
  const worker = run.worker();
  expect(await worker.runOnce()).toMatchObject({ dead: 0 });
  await start();
  run.clock.advance({ seconds: 5 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 20 });
});

test('the first answer lets it out, though it is an error, which then is an attempt like any other', async () => {
  const { url, start } = await lateService();
  await subscribe(url);
  await run.publish('orders.created', batch(3));
  const worker = run.worker();
  await worker.runOnce();
  await start(503);
  run.clock.advance({ seconds: 5 });
  expect(await worker.runOnce()).toMatchObject({ retried: 3, parked: 0 });
  expect(await counts()).toEqual({ retries: 3, attempts: 3, dead: 0 });
  expect(await parks()).toEqual([]);
  await until(async () => (await isUnheard()) === false, { what: 'the first answer to be taken down' });
});

test('what has answered once is tried again and again when it is gone, on every worker and after a restart', async () => {
  const { url, start } = await lateService();
  await subscribe(url);
  const [one, other] = [run.worker({ host: 'a' }), run.worker({ host: 'b' })];
  const service = await start();
  await other.runOnce();
  await run.publish('orders.created', batch(1));
  await one.runOnce();
  await other.runOnce();
  await until(async () => (await isUnheard()) === false, { what: 'the first answer to be taken down' });
  await service.close();
  await run.publish('orders.created', [{}]);
  const retried = async () => (await one.runOnce()).retried + (await other.runOnce()).retried;
  expect(await retried()).toBe(1);
  await one.stop();
  await other.stop();
  await run.publish('orders.created', [{}]);
  expect(await run.worker().runOnce()).toMatchObject({ retried: 1, parked: 0 });
});

test.each(['a restart', 'a takeover'])('%s goes on with the park', async (what) => {
  const { url, start } = await lateService();
  await subscribe(url);
  await run.publish('orders.created', batch(10));
  const first = run.worker({ host: 'a' });
  await first.runOnce();
  run.clock.advance({ seconds: 5 });
  await first.runOnce();
  if (what === 'a restart') await first.stop();
  else await run.pool.query(`update workers set heartbeat_at = now() - interval '1 minute'`);

  const second = run.worker({ host: 'b' });
  await second.runOnce();
  run.clock.advance({ seconds: 9 });
  expect(await second.runOnce()).toMatchObject({ parked: 0 });
  run.clock.advance({ seconds: 1 });
  expect(await second.runOnce()).toMatchObject({ parked: 1, retried: 0 });
  expect(await parks()).toMatchObject([{ probes: 2, wait: 20_000 }]);
  expect(await counts()).toEqual(nothing);
  await start(404);
  run.clock.advance({ seconds: 20 });
  expect(await second.runOnce()).toMatchObject({ retried: 10 });
});

test('an answer that somebody else got, such as the one to the handshake, lets it out at once', async () => {
  const { url, start } = await lateService();
  const { id } = await subscribe(url);
  await run.publish('orders.created', batch(10));
  const worker = run.worker();
  await worker.runOnce();
  run.clock.advance({ seconds: 5 });
  await worker.runOnce();
  await start();
  await run.change('update subscriptions set never_answered = false where id = $1', [id]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 10 });
});

test('a new URL begins anew: its first try parks it, and what the old one said says nothing about it', async () => {
  const subscription = await subscribe(`${run.hooks.url}/billing`);
  const worker = run.worker();
  await run.publish('orders.created', [{}]);
  expect(await worker.runOnce()).toMatchObject({ delivered: 1 });
  await until(async () => (await isUnheard()) === false, { what: 'the first answer to be taken down' });
  const { url, start } = await lateService();
  const moveTo = async (next: string) => {
    run.catalog.subscriptions.set(subscription.id, { ...subscription, url: next });
    await run.change('update subscriptions set url = $2, never_answered = true where id = $1', [subscription.id, next]);
  };
  await moveTo(url);
  await worker.runOnce();
  await run.publish('orders.created', batch(2));
  expect(await worker.runOnce()).toMatchObject({ retried: 0 });
  expect(await parks()).toHaveLength(1);
  expect(await counts()).toMatchObject({ retries: 0, dead: 0 });
  await start();
  run.clock.advance({ seconds: 5 });
  expect(await worker.runOnce()).toMatchObject({ delivered: 2 });
});

test('an answer of the old URL that comes after the change neither counts for the new one nor suspends it', async () => {
  const answers: ((answer: Answer) => void)[] = [];
  run.hooks.respondWith(async () => new Promise<Answer>((resolve) => answers.push(resolve)));
  const subscription = await subscribe(`${run.hooks.url}/billing`);
  const worker = run.worker();
  await run.publish('orders.created', [{ id: 'slow' }]);
  const round = worker.runOnce();
  await until(() => answers.length === 1, { what: 'the request to be under way' });
  const { url } = await lateService();
  run.catalog.subscriptions.set(subscription.id, { ...subscription, url });
  await run.change('update subscriptions set url = $2 where id = $1', [subscription.id, url]);
  await worker.reload();
  answers[0]?.(410);
  await round;
  await worker.runOnce();
  expect(await run.rows('select state, never_answered from subscriptions')).toEqual([
    { state: 'active', never_answered: true },
  ]);
  expect(await parks()).toMatchObject([{ reason: 'failing' }]);
});

test.each([
  ['takes connections and says nothing', async () => rawHook({}), /^timeout: /],
  ['ends every connection', async () => rawHook({ onRequest: (socket) => socket.destroy() }), /^reset: /],
] as const)('an endpoint that %s has not answered', async (_, listen, error) => {
  const hook = await listen();
  open.push(async () => hook.close());
  await subscribe(`${hook.url}/billing`, { timeoutMs: 300 });
  await run.publish('orders.created', batch(3));
  expect(await run.worker().runOnce()).toMatchObject({ retried: 0, dead: 0 });
  expect((await parks())[0]?.error).toMatch(error);
  expect(await counts()).toEqual(nothing);
});

test('nor has one whose name leads nowhere, speaks no TLS, or is forbidden', async () => {
  const worker = run.worker();
  for (const [name, url, error] of [
    ['dns', 'http://no-such-name.invalid/', /^dns: /],
    ['tls', run.hooks.url.replace('http:', 'https:'), /^tls: /],
    ['forbidden', 'http://169.254.169.254/', /^blocked: /],
  ] as const) {
    await run.topic(`${name}.made`, 1);
    await run.subscribe(name, { topics: [`${name}.made`], url, neverAnswered: true });
    await run.publish(`${name}.made`, [{}]);
    await worker.runOnce();
    expect(await parks()).toEqual(
      expect.arrayContaining([expect.objectContaining({ wait: 5_000, error: expect.stringMatching(error) })]),
    );
  }
  expect(await counts()).toEqual(nothing);
});

test('the first answer is told of again when the database did not take it down', async () => {
  const worker = run.worker();
  await subscribe(`${run.hooks.url}/billing`);
  await run.pool.query('alter table control_changes rename to control_changes_away');
  await run.publish('orders.created', [{}]);
  await worker.runOnce().catch(() => {});
  await until(() => run.lines.some(({ event }) => event === 'delivery.first-answer-untold'), { what: 'the failure' });
  await run.pool.query('alter table control_changes_away rename to control_changes');
  await run.publish('orders.created', [{}]);
  await worker.runOnce();
  await until(async () => (await isUnheard()) === false, { what: 'the first answer to be taken down' });
});
