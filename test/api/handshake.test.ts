import { DeliveryWorker } from '@hookcast/delivery';
import { createReceiver } from '@hookcast/receiver';
import { HandshakeRounds } from '../../apps/broker/src/handshake/handshake-rounds.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { freePort } from '../support/broker.js';
import { until } from '../support/until.js';

interface Subscription {
  state: string;
  stateReason: string | null;
  backlog: number;
  handshake: { status: string; by: string | null; allowedRate: number | null; detail: string | null } | null;
}
type Mode = 'off' | 'optional' | 'required';

const origin = 'bus.example.com';
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function broker(mode: Mode, clock?: { now: () => Date }): Promise<TestBroker> {
  const settings = {
    HOOKCAST_HANDSHAKE: mode,
    HOOKCAST_ROLE: 'all',
    HOOKCAST_PUBLIC_URL: `https://${origin}:8443/bus`,
  };
  const started = await testBroker({ settings, ...(clock && { clock }) });
  // Stepped by hand.
  rounds(started).stop();
  open.push(() => started.close());
  return started;
}
async function hooks(): Promise<HookServer> {
  const server = await hookServer();
  open.push(() => server.close());
  return server;
}
const rounds = ({ app }: TestBroker) => app.get(HandshakeRounds, { strict: false });
const put = async ({ call }: TestBroker, name: string, url: string, more: object = {}) =>
  call<Subscription & { code: string }>('PUT', `/v1/subscriptions/${name}`, { topics: [name], url, ...more });
const get = async ({ call }: TestBroker, name: string) =>
  (await call<Subscription>('GET', `/v1/subscriptions/${name}`)).body;
const yes = (rate = '*') => ({
  status: 200,
  headers: { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate },
});
const no = { status: 200, headers: { 'webhook-allowed-origin': 'somebody.else.example' } };

test('a hook that agrees is asked once, limits the rate, and is told the origin with every event', async () => {
  const bus = await broker('optional');
  const hook = await hooks();
  hook.respondToHandshakes(() => yes('600'));
  const made = await put(bus, 'agreed', `${hook.url}/hook?tenant=7`, { headers: { 'x-gate': 'open' } });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    state: 'active',
    handshake: { status: 'granted', by: 'options', allowedRate: 600 },
  });
  await put(bus, 'agreed', `${hook.url}/hook?tenant=7`, { headers: { 'x-gate': 'open' }, concurrency: 2 });
  expect(hook.handshakes).toHaveLength(1);
  const [{ url, headers } = { url: '', headers: {} }] = hook.handshakes;
  expect(url).toBe('/hook?tenant=7');
  expect(headers).toMatchObject({ 'webhook-request-origin': origin, 'webhook-request-rate': '*', 'x-gate': 'open' });
  await bus.publish('agreed', { n: 1 });
  await until(() => hook.requests.length === 1, { what: 'the delivery' });
  expect(hook.requests[0]?.headers['origin']).toBe(origin);
});

test('the allowed rate limits what is sent', async () => {
  const bus = await broker('optional');
  const hook = await hooks();
  hook.respondToHandshakes(() => yes('60'));
  await put(bus, 'slow', hook.url, { rateLimit: 100 });
  expect(hook.handshakes[0]?.headers['webhook-request-rate']).toBe('6000');
  for (const n of [1, 2, 3]) await bus.publish('slow', { n });
  await until(() => hook.requests.length === 3, { what: 'three deliveries' });
  const [first, , third] = hook.requests.map(({ at }) => at.getTime());
  // One at once, and then one a second.
  expect((third ?? 0) - (first ?? 0)).toBeGreaterThan(1_500);
});

test('a new URL is asked again, an old one is not', async () => {
  const bus = await broker('optional');
  const hook = await hooks();
  await put(bus, 'moved', `${hook.url}/one`);
  await put(bus, 'moved', `${hook.url}/two`);
  expect(hook.handshakes.map(({ url }) => url)).toEqual(['/one', '/two']);
});

describe('optional', () => {
  test.each([200, 204, 301, 401, 403, 404, 405, 410, 500, 501])('a %i that says nothing passes', async (status) => {
    const bus = await broker('optional');
    const hook = await hooks();
    hook.respondToHandshakes(() => status);
    const made = await put(bus, 'plain', hook.url);
    expect(made.body).toMatchObject({ state: 'active', handshake: { status: 'unsupported', by: null } });
    await bus.publish('plain', {});
    await until(() => hook.requests.length === 1, { what: 'the delivery' });
    expect(hook.requests[0]?.headers).not.toHaveProperty('origin');
  });

  test('a hook that names another origin is refused, and nothing is stored', async () => {
    const bus = await broker('optional');
    const hook = await hooks();
    hook.respondToHandshakes(() => no);
    const answer = await put(bus, 'unwanted', hook.url);
    expect(answer).toMatchObject({ status: 422, body: { code: 'handshake-refused', errors: [{ pointer: '/url' }] } });
    expect((await bus.call('GET', '/v1/subscriptions/unwanted')).status).toBe(404);
  });

  test('of a service the hook that says no is named, and none of its subscriptions is changed', async () => {
    const bus = await broker('optional');
    const hook = await hooks();
    hook.respondToHandshakes(({ url }) => (url === '/no' ? no : yes()));
    const subscriptions = ['yes', 'no'].map((name) => ({ name, topics: ['t'], url: `${hook.url}/${name}` }));
    const answer = await bus.call('PUT', '/v1/services/shop', { subscriptions });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'handshake-refused', errors: [{ pointer: '/subscriptions/1/url' }] },
    });
    expect((await bus.call('GET', '/v1/subscriptions/yes')).status).toBe(404);
    expect((await bus.call('PUT', '/v1/services/shop?dryRun=true', { subscriptions })).status).toBe(200);
    expect(hook.handshakes).toHaveLength(2);
  });

  test('a hook that is down passes, and is heard once it is up', async () => {
    let now = Date.now();
    const bus = await broker('optional', { now: () => new Date(now) });
    const port = await freePort();
    const made = await put(bus, 'late', `http://127.0.0.1:${port}/`);
    expect(made.body).toMatchObject({ state: 'active', handshake: { status: 'pending' } });
    expect(await rounds(bus).runOnce()).toEqual({ asked: 0 });
    now += 2_500;
    expect(await rounds(bus).runOnce()).toEqual({ asked: 1 });
    expect(await get(bus, 'late')).toMatchObject({ state: 'active', handshake: { status: 'pending' } });
    const hook = await hookServer({ port });
    open.push(() => hook.close());
    hook.respondToHandshakes(() => no);
    now += 5_000;
    await rounds(bus).runOnce();
    expect(await get(bus, 'late')).toMatchObject({ state: 'suspended', stateReason: 'handshake-refused' });
    now += 3_600_000;
    expect(await rounds(bus).runOnce()).toEqual({ asked: 0 });
  });
});

describe('a service that is late', () => {
  interface Shown extends Subscription {
    parked: { probes: number } | null;
    troubles: { reason: string }[];
  }
  const shown = async (bus: TestBroker) => (await bus.call<Shown>('GET', '/v1/subscriptions/late')).body;
  const attempts = async ({ database }: TestBroker) =>
    (await database.pool.query('select attempt_no from attempts')).rows.length;
  const posts = ({ requests }: HookServer) => requests.filter(({ method }) => method === 'POST');

  /** Its hook is registered, one event waits for it, and its first try has parked it. */
  async function parked(mode: Mode, clock?: { now: () => Date }) {
    const bus = await broker(mode, clock);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    expect((await put(bus, 'late', url)).body.state).toBe('active');
    await bus.publish('late', { n: 1 });
    await until(async () => (await shown(bus)).parked !== null, { what: 'the park' });
    const start = async () => {
      const hook = await hookServer({ port });
      open.push(() => hook.close());
      return hook;
    };
    return { bus, url, start };
  }

  test.each(['optional', 'off'] as const)('is said to have never answered, under %s', async (mode) => {
    const { bus } = await parked(mode);
    expect((await shown(bus)).troubles[0]?.reason).toMatch(/^has never answered, tried since/);
    expect(await attempts(bus)).toBe(0);
  });

  test('gets its events as soon as it answers the handshake, before a probe is due', async () => {
    let now = Date.now();
    const { bus, start } = await parked('optional', { now: () => new Date(now) });
    const hook = await start();
    now += 2_500;
    expect(await rounds(bus).runOnce()).toEqual({ asked: 1 });
    await until(() => posts(hook).length === 1, { what: 'the delivery' });
    // The park ends in the row with the settle of that delivery.
    await until(async () => (await shown(bus)).parked === null, { what: 'the end of the park' });
    expect(await attempts(bus)).toBeLessThanOrEqual(1);
  });

  test('gets them when it declares itself again, however long it was away', async () => {
    let now = Date.now();
    const { bus, url, start } = await parked('optional', { now: () => new Date(now) });
    for (let asked = 0; asked < 8; asked += 1) {
      now += 600_000;
      await rounds(bus).runOnce();
    }
    const hook = await start();
    expect(await rounds(bus).runOnce()).toEqual({ asked: 0 });
    await put(bus, 'late', url);
    expect(await rounds(bus).runOnce()).toEqual({ asked: 1 });
    await until(() => posts(hook).length === 1, { what: 'the delivery' });
  });

  test('is asked after 2, 4, 8 … seconds again when it declares itself as a service before it listens', async () => {
    let now = Date.now();
    const bus = await broker('optional', { now: () => new Date(now) });
    const url = `http://127.0.0.1:${await freePort()}/`;
    const declare = async () =>
      bus.call('PUT', '/v1/services/late', { subscriptions: [{ name: 'late', topics: ['late'], url }] });
    expect((await declare()).status).toBe(201);
    for (let asked = 0; asked < 8; asked += 1) {
      now += 600_000;
      await rounds(bus).runOnce();
    }
    expect((await declare()).status).toBe(200);
    expect(await rounds(bus).runOnce()).toEqual({ asked: 1 });
    now += 2_000;
    expect(await rounds(bus).runOnce()).toEqual({ asked: 1 });
  });

  test('gets them when it answers the test button', async () => {
    const { bus, start } = await parked('off');
    const hook = await start();
    expect((await bus.call('POST', '/v1/subscriptions/late/test')).body).toMatchObject({ status: 204 });
    await until(() => posts(hook).length === 2, { what: 'the delivery' });
  });

  test('an error is an answer: what was answered 503 is retried by its schedule', async () => {
    const bus = await broker('off');
    const hook = await hooks();
    hook.respondWith(() => 503);
    await put(bus, 'erring', hook.url, { retry: { schedule: [60], jitter: 0 } });
    await bus.publish('erring', { n: 1 });
    await until(async () => (await attempts(bus)) === 1, { what: 'the attempt' });
    expect((await bus.call<Shown>('GET', '/v1/subscriptions/erring')).body.parked).toBeNull();
    const { rows } = await bus.database.pool.query('select never_answered from subscriptions');
    expect(rows).toEqual([{ never_answered: false }]);
  });

  test('what has answered is not forgotten when it does not answer a later question', async () => {
    const database = (await broker('required')).database;
    const before = await testBroker({ settings: { HOOKCAST_HANDSHAKE: 'required' }, database });
    rounds(before).stop();
    const hook = await hooks();
    hook.respondWith(() => 404);
    await put(before, 'held', hook.url);
    await hook.close();
    await before.call('POST', '/v1/subscriptions/held/resume', {});
    const { rows } = await database.pool.query('select state, never_answered from subscriptions');
    expect(rows).toEqual([{ state: 'suspended', never_answered: false }]);
    await before.close();
  });
});

describe('required', () => {
  test('nothing is sent before the hook agrees, nothing is lost, and the rest follows by itself', async () => {
    let now = Date.now();
    const bus = await broker('required', { now: () => new Date(now) });
    const port = await freePort();
    const made = await put(bus, 'early', `http://127.0.0.1:${port}/`, { startFrom: 'earliest' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ state: 'suspended', stateReason: 'handshake-pending' });
    await bus.publish('early', { n: 1 });
    const hook = await hookServer({ port });
    open.push(() => hook.close());
    await bus.app.get(DeliveryWorker, { strict: false }).reload();
    now += 2_500;
    await rounds(bus).runOnce();
    expect(await get(bus, 'early')).toMatchObject({ state: 'suspended', handshake: { status: 'pending' }, backlog: 1 });
    expect(hook.requests.map(({ method }) => method)).toEqual(['GET']);
    hook.respondToHandshakes(() => yes());
    now += 5_000;
    await rounds(bus).runOnce();
    expect(await get(bus, 'early')).toMatchObject({ state: 'active', stateReason: null });
    await until(() => hook.requests.some(({ method }) => method === 'POST'), { what: 'the delivery' });
  });

  test('a plain endpoint agrees by sending the text back', async () => {
    const bus = await broker('required');
    const hook = await hooks();
    hook.respondWith(({ method, url }) => {
      const { searchParams } = new URL(url, hook.url);
      return method === 'GET' ? { status: 200, body: `${searchParams.get('echo')}\n` } : 204;
    });
    const made = await put(bus, 'echo', `${hook.url}/hook?tenant=7`);
    expect(made.body).toMatchObject({ state: 'active', handshake: { status: 'granted', by: 'echo' } });
    expect(hook.requests[0]?.url).toMatch(/^\/hook\?tenant=7&echo=[0-9a-f-]{36}$/);
  });

  test('the test button sends nothing to a hook that has not agreed, and resuming asks it again', async () => {
    const bus = await broker('required');
    const hook = await hooks();
    hook.respondWith(() => 404);
    await put(bus, 'held', hook.url);
    const tested = await bus.call('POST', '/v1/subscriptions/held/test');
    expect(tested.body).toMatchObject({ status: null, error: expect.stringMatching(/^handshake: /) });
    expect((await bus.call<Subscription>('POST', '/v1/subscriptions/held/resume', {})).body.state).toBe('suspended');
    hook.respondToHandshakes(() => no);
    expect((await bus.call('POST', '/v1/subscriptions/held/resume', {})).body).toMatchObject({
      code: 'handshake-refused',
    });
    hook.respondToHandshakes(() => yes());
    expect((await bus.call<Subscription>('POST', '/v1/subscriptions/held/resume', {})).body.state).toBe('active');
    expect(hook.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('a paused subscription with a new URL that has not agreed is not resumed by the back door', async () => {
    const bus = await broker('required');
    const hook = await hooks();
    hook.respondToHandshakes(({ url }) => (url === '/one' ? yes() : 405));
    hook.respondWith(() => 404);
    await put(bus, 'paused', `${hook.url}/one`);
    await bus.call('POST', '/v1/subscriptions/paused/pause');
    expect((await put(bus, 'paused', `${hook.url}/two`)).body.state).toBe('paused');
    const resumed = await bus.call('POST', '/v1/subscriptions/paused/resume', {});
    expect(resumed.body).toMatchObject({ state: 'suspended', stateReason: 'handshake-pending' });
  });

  test('the receiver SDK agrees by itself, and says no to others when told to', async () => {
    const bus = await broker('required');
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCd';
    const options = { secrets: [secret], handshake: { allowedRate: 120 } };
    const hook = await hooks();
    const answerWith = (receiver: ReturnType<typeof createReceiver>) =>
      receiver.handle({ method: 'OPTIONS', headers: { 'webhook-request-origin': origin }, body: Buffer.alloc(0) });
    const agreed = await answerWith(createReceiver(options));
    hook.respondToHandshakes(() => agreed);
    expect((await put(bus, 'sdk', hook.url)).body.handshake).toMatchObject({ status: 'granted', allowedRate: 120 });
    const stranger = await answerWith(createReceiver({ ...options, handshake: { allowedOrigins: ['other.example'] } }));
    hook.respondToHandshakes(() => stranger);
    expect((await put(bus, 'stranger', hook.url)).body.code).toBe('handshake-refused');
  });
});

test('off: nobody is asked, and what an earlier setting held back is let go', async () => {
  const database = (await broker('required')).database;
  const before = await testBroker({ settings: { HOOKCAST_HANDSHAKE: 'required' }, database });
  rounds(before).stop();
  const port = await freePort();
  await put(before, 'left', `http://127.0.0.1:${port}/`);
  await before.close();
  const bus = await testBroker({
    settings: { HOOKCAST_HANDSHAKE: 'off' },
    database,
    clock: { now: () => new Date(Date.now() + 60_000) },
  });
  rounds(bus).stop();
  open.push(() => bus.close());
  const hook = await hooks();
  expect((await put(bus, 'unasked', hook.url)).body).toMatchObject({ state: 'active', handshake: null });
  expect(hook.handshakes).toEqual([]);
  await rounds(bus).runOnce();
  expect(await get(bus, 'left')).toMatchObject({ state: 'active', stateReason: null });
});
