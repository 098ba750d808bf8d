import { DeliveryWorker } from '@hookcast/delivery';
import { adminKey, testBroker, type Answer, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Key {
  id: string;
  key: string;
  namespace: string;
}

let broker: TestBroker;
let hooks: HookServer;
type Caller = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer<Body>>;

let acme: Caller;
let zeta: Caller;
let operator: Caller;
beforeAll(async () => {
  hooks = await hookServer();
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  operator = as(adminKey);
  acme = as((await make({ namespace: 'acme' })).body.key);
  zeta = as((await make({ namespace: 'zeta' })).body.key);
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

/** As much of any answer as the tests look at. */
interface Body extends Key {
  code: string;
  items: Record<string, unknown>[];
  deliveries: Record<string, unknown>[];
  headPositions: string[];
  subscriptions: string[];
  topics: number;
  headers: Record<string, string>;
  url: string;
  position: string;
}

const as =
  (key: string): Caller =>
  async (method, path, body, headers = {}) =>
    broker.call<Body>(method, path, body, { authorization: `Bearer ${key}`, headers });

const make = async (more: object, call = as(adminKey), headers = {}) =>
  call('POST', '/v1/keys', { name: 'k', scopes: ['admin'], ...more }, headers);

const namesOf = async (call: Caller, path: string) => (await call('GET', path)).body.items.map(({ name }) => name);

test('only an admin of the default namespace makes keys of others', async () => {
  expect((await make({ namespace: 'acme' })).body.namespace).toBe('acme');
  expect((await make({}, acme)).body.namespace).toBe('acme');
  expect((await make({ namespace: 'acme' }, acme)).status).toBe(201);
  for (const namespace of ['zeta', 'default', 'nowhere']) {
    const refused = await make({ namespace }, acme);
    expect(refused.status).toBe(403);
    expect(refused.body.code).toBe('forbidden');
  }
  expect((await make({ namespace: 'No Name' })).status).toBe(422);
  const deputy = as((await make({})).body.key);
  expect((await make({ namespace: 'acme' }, deputy)).status).toBe(201);
});

test('an idempotency key of one namespace never answers with the key of another', async () => {
  const again = { 'idempotency-key': 'same' };
  const [one, repeated] = [await make({}, acme, again), await make({}, acme, again)];
  expect(repeated.body.key).toBe(one.body.key);
  const others = [await make({}, zeta, again), await make({}, operator, again)];
  others.push(await make({ namespace: 'acme' }, operator, again));
  expect(new Set([one, ...others].map(({ body }) => body.id)).size).toBe(4);
});

test('a topic of one name is another topic in another namespace, with a log of its own', async () => {
  for (const call of [operator, acme, zeta]) expect((await call('PUT', '/v1/topics/same', {})).status).toBe(201);
  const mine = (await acme('POST', '/v1/topics/same/events', { of: 'acme' })).body;
  const theirs = (await zeta('POST', '/v1/topics/same/events', { of: 'zeta' })).body;
  expect(mine.position.split(':')[0]).not.toBe(theirs.position.split(':')[0]);
  const read = await zeta('GET', '/v1/topics/same/events');
  expect(read.body.items).toMatchObject([{ id: theirs.id, data: { of: 'zeta' } }]);
  expect((await operator('GET', '/v1/topics/same/events')).body.items).toEqual([]);
  expect((await zeta('GET', `/v1/topics/same/events?after=${mine.position}`)).status).toBe(422);
  expect((await zeta('GET', `/v1/events/${mine.id}`)).status).toBe(404);
  expect((await acme('GET', `/v1/events/${mine.id}`)).status).toBe(200);
  expect((await zeta('GET', '/v1/overview')).body.topics).toBe(1);
});

test('the same event id is another event elsewhere', async () => {
  const id = { 'ce-id': 'shared-id' };
  for (const [by, call] of Object.entries({ acme, zeta, operator })) {
    expect((await call('POST', '/v1/topics/ids/events', { by }, id)).status).toBe(201);
  }
  expect((await acme('GET', '/v1/events/shared-id')).body).toMatchObject({ id: 'shared-id', data: { by: 'acme' } });
  expect((await zeta('GET', '/v1/events/shared-id')).body).toMatchObject({ id: 'shared-id', data: { by: 'zeta' } });
});

test('a pattern matches topics of its namespace only, whichever comes first', async () => {
  await acme('POST', '/v1/topics/before.zeta/events', {});
  const subscription = { topics: ['**'], url: `${hooks.url}/zeta`, startFrom: 'earliest' };
  expect((await zeta('PUT', '/v1/subscriptions/everything', subscription)).status).toBe(201);
  await acme('POST', '/v1/topics/after.zeta/events', {});
  await operator('POST', '/v1/topics/after.zeta/events', {});
  const own = (await zeta('POST', '/v1/topics/own.zeta/events', {})).body;
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
  await until(() => hooks.requests.some(({ headers }) => headers['webhook-id'] === own.id), { what: 'the delivery' });
  const topics = new Set(hooks.requests.map(({ headers }) => headers['hookcast-topic']));
  expect(topics).not.toContain('before.zeta');
  expect(topics).not.toContain('after.zeta');
  expect((await acme('GET', '/v1/topics/before.zeta')).body.subscriptions).toEqual([]);
  expect((await acme('GET', '/v1/dead-letters')).body.items).toEqual([]);
});

test('a token finds its source, whoever else has one of that name', async () => {
  const secret = 'a-shared-secret-0123456789';
  const urls: string[] = [];
  for (const call of [acme, zeta, operator]) {
    const { status, body } = await call('PUT', '/v1/sources/shared', { sender: 'github', secret, topic: 'in' });
    expect({ status, body }).toMatchObject({ status: 201 });
    urls.push(`${broker.url}${new URL(body.url).pathname}`);
  }
  expect(new Set(urls).size).toBe(3);
  const [atAcme = ''] = urls;
  const sent = await fetch(atAcme, { method: 'POST', body: '{}', headers: { 'x-hub-signature-256': 'sha256=wrong' } });
  await sent.text();
  const seen = async (call: Caller) => (await call('GET', '/v1/sources/shared/receptions')).body.items.length;
  await until(async () => (await seen(acme)) === 1, { what: 'the reception' });
  expect([await seen(zeta), await seen(operator)]).toEqual([0, 0]);
  const wrong = await fetch(`${broker.url}/in/shared/wrong`, { method: 'POST', body: '{}' });
  expect(wrong.status).toBe(404);
  await zeta('DELETE', '/v1/sources/shared');
  expect((await acme('GET', '/v1/sources/shared')).status).toBe(200);
});

test('the audit log of a namespace tells of its own doings', async () => {
  await acme('PUT', '/v1/topics/audited', {});
  await zeta('GET', '/v1/workers');
  const targets = async (call: Caller) => (await call('GET', '/v1/audit')).body.items.map(({ target }) => target);
  expect(await targets(acme)).toContain('topic/audited');
  expect(await targets(zeta)).not.toContain('topic/audited');
  expect(await targets(operator)).not.toContain('topic/audited');
  const made = (await make({ namespace: 'zeta' })).body.id;
  expect(await targets(operator)).toContain(`key/${made}`);
  expect(await targets(zeta)).not.toContain(`key/${made}`);
});

test('lists show what is in the namespace', async () => {
  for (const [call, name] of [
    [acme, 'only-acme'],
    [zeta, 'only-zeta'],
  ] as const) {
    await call('PUT', `/v1/topics/${name}`, {});
    await call('PUT', `/v1/services/${name}`, { subscriptions: [{ name, topics: ['t'], url: hooks.url }] });
  }
  for (const path of ['/v1/topics', '/v1/subscriptions']) {
    expect(await namesOf(acme, path)).toContain('only-acme');
    expect(await namesOf(acme, path)).not.toContain('only-zeta');
    expect(await namesOf(operator, path)).not.toContain('only-zeta');
  }
  const ids = async (call: Caller) => (await call('GET', '/v1/keys')).body.items.map(({ id }) => id);
  const [atAcme, atZeta] = [await ids(acme), await ids(zeta)];
  expect(atAcme.filter((id) => atZeta.includes(id))).toEqual([]);
  expect((await operator('GET', '/v1/keys')).body.items.every(({ namespace }) => namespace === 'default')).toBe(true);
});

test("workers are the operator's to look at", async () => {
  expect((await zeta('GET', '/v1/workers')).status).toBe(403);
  expect((await operator('GET', '/v1/workers')).status).toBe(200);
});

test('values of custom headers and of the query of a URL are shown to whoever may manage the subscription', async () => {
  const body = { topics: ['headers.a'], url: `${hooks.url}/?token=geheim`, headers: { 'x-api-key': 'geheim' } };
  await acme('PUT', '/v1/subscriptions/with-headers', body);
  const shown = async (scopes: string[]) => {
    const call = as((await make({ scopes }, acme)).body.key);
    const listed = (await call('GET', '/v1/subscriptions')).body.items?.find(({ name }) => name === 'with-headers');
    const one = (await call('GET', '/v1/subscriptions/with-headers')).body;
    return [one, listed].map((found) => found?.['headers'] && [found['headers'], found['url']]);
  };
  const shownWith = (text: string) => [{ 'x-api-key': text }, `${hooks.url}/?token=${text}`];
  const [open, hidden] = [shownWith('geheim'), shownWith('[redacted]')];
  expect(await shown(['read'])).toEqual([hidden, hidden]);
  expect(await shown(['read', 'subscribe:other.*'])).toEqual([hidden, hidden]);
  expect(await shown(['read', 'subscribe:headers.*'])).toEqual([open, open]);
  expect(await shown(['subscribe:headers.*'])).toEqual([open, undefined]);
  expect(await shown(['admin'])).toEqual([open, open]);
});
