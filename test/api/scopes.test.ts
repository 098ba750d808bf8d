import { testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

async function make(scopes: string[]): Promise<{ id: string; key: string }> {
  const body = { name: scopes.join(' '), scopes };
  return (await broker.call<{ id: string; key: string }>('POST', '/v1/keys', body)).body;
}

const as = (key: string | undefined) => ({ authorization: key === undefined ? undefined : `Bearer ${key}` });
const hook = 'http://127.0.0.1:3000/';

test('publishing is confined to the patterns of the key, in the lane and through the router', async () => {
  const { key } = await make(['publish:orders.*']);
  const status = async (path: string) => (await broker.call('POST', path, { a: 1 }, as(key))).status;
  expect(await status('/v1/topics/orders.created/events')).toBe(201);
  expect(await status('/v1/topics/orders%2Ecreated/events')).toBe(201);
  const refused = await broker.call('POST', '/v1/topics/users.created/events', { a: 1 }, as(key));
  expect(refused.status).toBe(403);
  expect(refused.body).toMatchObject({ code: 'forbidden', detail: 'This needs the scope "publish:users.created".' });
  expect(await status('/v1/topics/users%2Ecreated/events')).toBe(403);
  expect((await broker.call('GET', '/v1/topics/users.created')).status).toBe(404);
});

test('a topic of the broker is told from one that another key may publish to', async () => {
  const { key } = await make(['publish:orders.*']);
  const answer = await broker.call('POST', '/v1/topics/hookcast.key.created/events', { a: 1 }, as(key));
  expect(answer).toMatchObject({ status: 403, body: { code: 'topic-reserved' } });
});

test('a subscription needs scopes for every pattern it has', async () => {
  const { key } = await make(['subscribe:orders.*', 'subscribe:users.**']);
  const put = async (name: string, topics: string[]) =>
    broker.call<{ secret?: string }>('PUT', `/v1/subscriptions/${name}`, { topics, url: hook }, as(key));
  const made = await put('mine', ['orders.created', 'orders.*', 'users.**']);
  expect(made.status).toBe(201);
  expect(made.body.secret).toMatch(/^whsec_/);
  const refused = await put('mine', ['orders.created', 'orders.**']);
  expect(refused.status).toBe(403);
  expect(refused.body).toMatchObject({ detail: 'This needs the scope "subscribe:orders.**".' });
  expect((await put('other', ['**'])).status).toBe(403);
});

test('whoever covers a subscription may look at it, but sees no secret', async () => {
  const { key } = await make(['subscribe:own.*']);
  await broker.call('PUT', '/v1/subscriptions/own', { topics: ['own.a'], url: hook }, as(key));
  for (const path of ['/v1/subscriptions/own', '/v1/subscriptions/own/deliveries']) {
    const answer = await broker.call('GET', path, undefined, as(key));
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(/whsec_[A-Za-z0-9+/]/);
  }
  expect((await broker.call('GET', '/v1/subscriptions', undefined, as(key))).status).toBe(403);
});

test('of a foreign subscription nothing is read, changed, taken over or revealed', async () => {
  await broker.call('PUT', '/v1/subscriptions/foreign', { topics: ['secret-topic.a'], url: hook });
  const { key } = await make(['subscribe:own.*']);
  const takeOver = { topics: ['own.a'], url: hook };
  const calls: [string, string, unknown?][] = [
    ['GET', '/v1/subscriptions/foreign'],
    ['GET', '/v1/subscriptions/foreign/deliveries'],
    ['PUT', '/v1/subscriptions/foreign', takeOver],
    ['DELETE', '/v1/subscriptions/foreign'],
    ['POST', '/v1/subscriptions/foreign/pause'],
    ['POST', '/v1/subscriptions/foreign/test'],
    ['POST', '/v1/subscriptions/foreign/rotate-secret'],
    ['PUT', '/v1/services/own', { subscriptions: [{ name: 'foreign', ...takeOver }] }],
    ['PUT', '/v1/services/own?dryRun=true', { subscriptions: [{ name: 'foreign', ...takeOver }] }],
  ];
  for (const [method, path, body] of calls) {
    const answer = await broker.call(method, path, body, as(key));
    expect({ method, path, status: answer.status }).toEqual({ method, path, status: 403 });
    expect(answer.text).not.toContain('secret-topic');
  }
  const { body } = await broker.call('GET', '/v1/subscriptions/foreign');
  expect(body).toMatchObject({ topics: ['secret-topic.a'], state: 'active', service: null });
});

test("a service's own key declares it, gets its secrets and keeps it alive; another's cannot join it", async () => {
  const { key } = await make(['subscribe:billing.**']);
  const subscriptions = [{ name: 'billing-all', topics: ['billing.**'], url: hook, leaseSeconds: 60 }];
  const declare = async () =>
    broker.call<{ subscriptions: { secret?: string }[] }>('PUT', '/v1/services/billing', { subscriptions }, as(key));
  for (const answer of [await declare(), await declare()]) {
    expect(answer.body.subscriptions[0]?.secret).toMatch(/^whsec_/);
  }
  expect((await broker.call('POST', '/v1/services/billing/heartbeat', {}, as(key))).status).toBe(200);
  const stranger = as((await make(['subscribe:own.*'])).key);
  const intruder = { service: 'billing', topics: ['own.a'], url: hook };
  expect((await broker.call('PUT', '/v1/subscriptions/intruder', intruder, stranger)).status).toBe(403);
  expect((await broker.call('POST', '/v1/services/billing/heartbeat', {}, stranger)).status).toBe(403);
  expect((await broker.call('PUT', '/v1/services/billing', { subscriptions: [] }, stranger)).status).toBe(403);
});

test('a body that is not valid is refused as such, once the key is known', async () => {
  const key = as((await make(['subscribe:**'])).key);
  for (const body of [{}, { topics: 'a' }, { topics: [7, null], url: hook }, { topics: ['a.**.b'], url: hook }]) {
    expect((await broker.call('PUT', '/v1/subscriptions/bad', body, key)).status).toBe(422);
  }
  const huge = { subscriptions: Array.from({ length: 70_000 }, () => ({ name: 'n' })) };
  expect((await broker.call('PUT', '/v1/services/bad', huge, key)).status).toBe(422);
  expect((await broker.call('PUT', '/v1/services/bad', { subscriptions: [{ name: 'a\0' }] }, key)).status).toBe(422);
});

test('a subscription that becomes foreign while a request waits for its turn is not touched', async () => {
  const { key } = await make(['subscribe:own.*']);
  await broker.call('PUT', '/v1/subscriptions/raced', { topics: ['own.a'], url: hook });
  const rival = await broker.database.pool.connect();
  try {
    await rival.query('begin');
    await rival.query('update control_state set version = version + 1');
    const deleting = broker.call('DELETE', '/v1/subscriptions/raced', undefined, as(key));
    await until(
      async () => {
        const { rows } = await broker.database.pool.query(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        return rows.length > 0;
      },
      { what: 'the request to wait' },
    );
    await rival.query(`update subscriptions set topics = '{secret-topic.a}' where name = 'raced'`);
    await rival.query('commit');
    expect((await deleting).status).toBe(403);
  } finally {
    rival.release();
  }
  expect((await broker.call('GET', '/v1/subscriptions/raced')).status).toBe(200);
});
