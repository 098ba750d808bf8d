import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Tested {
  eventId: string;
  status: number | null;
  response: string;
}

let now = new Date();
let broker: TestBroker;
let hook: HookServer;
beforeAll(async () => {
  hook = await hookServer();
  broker = await testBroker({ clock: { now: () => now }, settings: { HOOKCAST_MAX_CLOCK_SKEW_MS: '300000' } });
  for (const name of ['billing', 'email']) await subscribe(broker, name);
});
beforeEach(() => {
  now = new Date();
  hook.requests.length = 0;
  hook.respondWith(() => 204);
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

async function subscribe(at: TestBroker, name: string): Promise<void> {
  const body = { topics: [`of.${name}`], url: `${hook.url}/${name}`, nonRetryable: [422] };
  expect((await at.call('PUT', `/v1/subscriptions/${name}`, body)).status).toBe(201);
}

async function tryOut(key: string | undefined, { name = 'billing', by }: { name?: string; by?: string } = {}) {
  return broker.call<Tested>('POST', `/v1/subscriptions/${name}/test`, undefined, {
    ...(by !== undefined && { authorization: `Bearer ${by}` }),
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
}

async function makeKey(more: object = {}): Promise<string> {
  const body = { name: 'k', scopes: ['subscribe:**'], ...more };
  return (await broker.call<{ key: string }>('POST', '/v1/keys', body)).body.key;
}

test('a repeated test is answered like the first one, and nothing is sent again', async () => {
  // Postgres holds no NUL in JSON, and what hooks answer may have one.
  hook.respondWith(() => ({ status: 500, body: 'a\u0000b \ud83d' }));
  const first = await tryOut('once');
  expect(first).toMatchObject({ status: 200, body: { status: 500, response: 'a\u0000b \ufffd' } });
  hook.respondWith(() => 204);
  expect((await tryOut('once')).body).toEqual(first.body);
  expect(hook.requests).toHaveLength(1);
  for (const key of ['other', undefined, undefined]) expect((await tryOut(key)).body.status).toBe(204);
  expect(hook.requests).toHaveLength(4);
});

test('a key is good for one request of one caller', async () => {
  const keys = [await makeKey(), await makeKey(), await makeKey({ namespace: 'elsewhere' })];
  const [one = '', other = '', foreign = ''] = keys;
  const first = await tryOut('shared', { by: one });
  expect(await tryOut('shared', { by: one, name: 'email' })).toMatchObject({
    status: 409,
    body: { code: 'idempotency-key-conflict' },
  });
  expect((await tryOut('shared', { by: other })).body.eventId).not.toBe(first.body.eventId);
  expect((await tryOut('shared', { by: foreign })).status).toBe(404);
  await broker.call(
    'PUT',
    '/v1/subscriptions/billing',
    { topics: ['a'], url: hook.url },
    { authorization: `Bearer ${foreign}` },
  );
  const abroad = await tryOut('shared', { by: foreign });
  expect((await tryOut('shared', { by: foreign })).body).toEqual(abroad.body);
  expect(hook.requests).toHaveLength(3);
  expect((await tryOut('not a key')).status).toBe(422);
});

test('a repetition that comes before the first answer is refused, and sends nothing', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  hook.respondWith(async () => {
    await held;
    return 202;
  });
  const first = tryOut('early');
  await until(() => hook.requests.length === 1, { what: 'the test event' });
  const early = await tryOut('early');
  expect(early).toMatchObject({ status: 409, body: { code: 'idempotency-key-conflict' } });
  release();
  const answered = await first;
  expect(answered.body.status).toBe(202);
  expect((await tryOut('early')).body).toEqual(answered.body);
  expect(hook.requests).toHaveLength(1);
});

test('what a process that died has not answered is done again, once it is certainly over', async () => {
  await tryOut('died');
  const lost = `update answered_requests set answer = null where begun_at = $1`;
  await broker.database.pool.query(lost, [now]);
  expect((await tryOut('died')).status).toBe(409);
  now = new Date(now.getTime() + broker.config.maxHookTimeoutMs + 60_001);
  expect((await tryOut('died', { name: 'email' })).status).toBe(409);
  expect((await tryOut('died')).body.status).toBe(204);
  expect((await tryOut('died')).body.status).toBe(204);
  expect(hook.requests).toHaveLength(2);
});

test('requests are remembered for a day', async () => {
  const begun = now.getTime();
  const first = await tryOut('daily');
  now = new Date(begun + 86_400_000 - 1);
  expect((await tryOut('daily')).body).toEqual(first.body);
  now = new Date(begun + 86_400_001);
  expect((await tryOut('daily')).body).not.toEqual(first.body);
  const old = 'select from answered_requests where begun_at <= $1';
  expect((await broker.database.pool.query(old, [new Date(begun)])).rowCount).toBe(0);
});

test('a repetition leaves no entry in the audit log', async () => {
  const count = async () =>
    (await broker.call<{ items: object[] }>('GET', '/v1/audit?action=subscription.test&limit=200')).body.items.length;
  const before = await count();
  await tryOut('audited');
  await tryOut('audited');
  expect(await count()).toBe(before + 1);
});

describe('a delivery that is sent again by hand', () => {
  let delivering: TestBroker;
  beforeAll(async () => {
    delivering = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
    await subscribe(delivering, 'picky');
  });
  afterAll(async () => {
    await delivering?.close();
  });

  const retry = async (eventId: string, key?: string) =>
    delivering.call<{ status: string }>('POST', `/v1/subscriptions/picky/deliveries/${eventId}/retry`, undefined, {
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });

  test('goes out once however often that is asked for under one key', async () => {
    hook.respondWith(() => 422);
    const { id } = await delivering.publish('of.picky', {});
    const state = async () =>
      (await delivering.call<{ status: string }>('GET', `/v1/subscriptions/picky/deliveries/${id}`)).body.status;
    await until(async () => (await state()) === 'dead', { what: 'the dead letter' });
    hook.respondWith(() => 204);
    const first = await retry(id, 'again');
    expect(first.status).toBe(200);
    await until(async () => (await state()) === 'delivered', { what: 'the delivery' });
    expect((await retry(id, 'again')).body).toEqual(first.body);
    expect((await retry('another-event', 'again')).status).toBe(409);
    // What is asked for without a key goes out, and nothing that was asked for before it is behind.
    await retry(id);
    await until(() => hook.requests.length >= 3, { what: 'the retry without a key' });
    await until(async () => (await state()) === 'delivered', { what: 'the delivery' });
    expect(hook.requests).toHaveLength(3);
  });

  test('is looked for anew after a failure', async () => {
    expect((await retry('late', 'soon')).status).toBe(404);
    await delivering.publish('of.picky', {}, { 'ce-id': 'late' });
    await until(async () => (await retry('late', 'soon')).status === 200, { what: 'the delivery to be found' });
  });
});
