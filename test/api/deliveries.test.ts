import { DeliveryWorker } from '@hookcast/delivery';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Delivery {
  eventId: string;
  status: string;
  attemptCount: number;
}
interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
interface EventDetail {
  deliveries: { subscription: string; matched: boolean; status: string | null; reason: string; attemptCount: number }[];
}

let broker: TestBroker;
let hooks: HookServer;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  hooks = await hookServer();
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

/** A subscription to a topic of the same name, whose hook is found by its path. */
async function subscribe(name: string, more: object = {}): Promise<void> {
  const body = { topics: [name], url: `${hooks.url}/${name}`, retry: { schedule: [] }, ...more };
  const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
}

const list = async (name: string, query = '') =>
  (await broker.call<Page<Delivery>>('GET', `/v1/subscriptions/${name}/deliveries${query}`)).body;
const one = async (name: string, eventId: string) =>
  broker.call<Delivery & { attempts: unknown[] }>('GET', `/v1/subscriptions/${name}/deliveries/${eventId}`);
const statusIs = async (name: string, eventId: string, status: string) =>
  until(async () => (await one(name, eventId)).body.status === status, {
    timeoutMs: 10_000,
    what: `${status} delivery`,
  });

/** A pause reaches the worker a moment after its answer; from then on nothing is sent. */
async function pauseNow(name: string): Promise<void> {
  await broker.call('POST', `/v1/subscriptions/${name}/pause`);
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
}

/** What each path answers; 204 where it says nothing. */
function hooksAnswer(statuses: Record<string, number>): void {
  hooks?.respondWith(({ url }) => statuses[url.slice(1)] ?? 204);
}

test('a delivered event shows its attempt and what the hook answered', async () => {
  hooks.respondWith(() => ({ status: 200, body: 'thanks' }));
  await subscribe('delivered');
  const { id, position } = await broker.publish('delivered', { a: 1 });
  await statusIs('delivered', id, 'delivered');
  expect((await one('delivered', id)).body).toMatchObject({
    subscription: 'delivered',
    eventId: id,
    topic: 'delivered',
    position,
    publishedAt: expect.any(String),
    status: 'delivered',
    attemptCount: 1,
    lastStatus: 200,
    lastError: null,
    nextAttemptAt: null,
    attempts: [
      {
        attempt: 1,
        outcome: 'delivered',
        status: 200,
        durationMs: expect.any(Number),
        errorClass: null,
        response: 'thanks',
      },
    ],
  });
  const shown = await broker.call('GET', '/v1/subscriptions/delivered');
  expect(shown.body).toMatchObject({ backlog: 0, oldestPendingAt: null });
});

test('of a long answer to a failed attempt, all that is kept is shown: 8 KiB', async () => {
  hooks.respondWith(() => ({ status: 500, body: 'x'.repeat(100_000) }));
  await subscribe('verbose');
  const { id } = await broker.publish('verbose', { a: 1 });
  await statusIs('verbose', id, 'dead');
  expect((await one('verbose', id)).body.attempts).toMatchObject([{ status: 500, response: 'x'.repeat(8_192) }]);
});

test('a failed delivery becomes a dead letter, and sending it again by hand delivers it', async () => {
  hooksAnswer({ dead: 500 });
  await subscribe('dead');
  const { id } = await broker.publish('dead', { a: 1 });
  await statusIs('dead', id, 'dead');
  expect((await one('dead', id)).body).toMatchObject({
    reason: 'given up: exhausted',
    lastStatus: 500,
    attempts: [{ outcome: 'dead', status: 500, errorClass: 'status' }],
  });
  expect((await broker.call('GET', '/v1/dead-letters?subscription=dead')).body).toMatchObject({
    items: [
      { subscription: 'dead', eventId: id, topic: 'dead', reason: 'exhausted', lastStatus: 500, attemptCount: 1 },
    ],
    nextCursor: null,
  });

  hooksAnswer({});
  const retried = await broker.call('POST', `/v1/subscriptions/dead/deliveries/${id}/retry`);
  expect(retried).toMatchObject({ status: 200, body: { eventId: id } });
  await statusIs('dead', id, 'delivered');
  expect((await one('dead', id)).body.attempts).toHaveLength(2);
  expect((await broker.call<Page<unknown>>('GET', '/v1/dead-letters?subscription=dead')).body.items).toEqual([]);
  const requests = hooks.requests.filter(({ url }) => url === '/dead');
  expect(requests.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
  expect(requests.map(({ headers }) => headers['hookcast-attempt'])).toEqual(['1', '2']);
});

test('a waiting retry says when and why, and can be sent at once', async () => {
  hooksAnswer({ waiting: 503 });
  await subscribe('waiting', { retry: { schedule: [3600], jitter: 0 } });
  const { id } = await broker.publish('waiting', { a: 1 });
  await statusIs('waiting', id, 'retrying');
  const { body } = await broker.call<{ nextAttemptAt: string }>('GET', `/v1/subscriptions/waiting/deliveries/${id}`);
  expect(body).toMatchObject({ attemptCount: 1, lastStatus: 503, reason: expect.stringContaining('503') });
  expect(Date.parse(body.nextAttemptAt)).toBeGreaterThan(Date.now() + 3_000_000);
  hooksAnswer({});
  await broker.call('POST', `/v1/subscriptions/waiting/deliveries/${id}/retry`);
  await statusIs('waiting', id, 'delivered');
});

test('a paused subscription keeps its events pending, and a retry by hand changes nothing about it', async () => {
  await subscribe('held');
  await pauseNow('held');
  const { id } = await broker.publish('held', { a: 1 });
  const why = 'waits for its first attempt; the subscription is paused';
  expect((await one('held', id)).body).toMatchObject({ status: 'pending', reason: why, attemptCount: 0, attempts: [] });
  const retried = await broker.call('POST', `/v1/subscriptions/held/deliveries/${id}/retry`);
  expect(retried).toMatchObject({ status: 200, body: { status: 'pending' } });
  expect(hooks.requests.filter(({ url }) => url === '/held')).toEqual([]);
  await broker.call('POST', '/v1/subscriptions/held/resume');
  await statusIs('held', id, 'delivered');
});

test('an event shows what became of it for every subscription, and why', async () => {
  hooksAnswer({ 'why-dead': 500 });
  const more = { topics: ['why.*'], service: 'why' };
  await subscribe('why-delivered', more);
  await subscribe('why-dead', more);
  await subscribe('why-paused', more);
  await subscribe('why-other', { topics: ['other.topic', 'why.*.deeper'] });
  await pauseNow('why-paused');
  const { id } = await broker.publish('why.topic', { a: 1 });
  await statusIs('why-delivered', id, 'delivered');
  await statusIs('why-dead', id, 'dead');
  await subscribe('why-late', more);
  const { body } = await broker.call<EventDetail>('GET', `/v1/events/${id}`);
  const why = Object.fromEntries(body.deliveries.map((delivery) => [delivery.subscription, delivery]));
  expect(why).toMatchObject({
    'why-delivered': { matched: true, status: 'delivered', attemptCount: 1 },
    'why-dead': { matched: true, status: 'dead', reason: 'given up: exhausted' },
    'why-paused': { matched: true, status: 'pending', reason: expect.stringContaining('the subscription is paused') },
    'why-late': { matched: true, status: 'skipped', reason: 'published before the subscription began' },
    'why-other': {
      matched: false,
      status: null,
      reason: 'none of its patterns (other.topic, why.*.deeper) matches why.topic',
    },
  });
});

test('deliveries are listed by status, newest first, in pages', async () => {
  await subscribe('listed');
  const ids: string[] = [];
  for (let index = 0; index < 7; index += 1) ids.unshift((await broker.publish('listed', { index })).id);
  for (const id of ids) await statusIs('listed', id, 'delivered');
  const seen: string[] = [];
  let cursor = '';
  for (let pages = 0; pages < 10; pages += 1) {
    const page = await list('listed', `?limit=3${cursor}`);
    seen.push(...page.items.map(({ eventId }) => eventId));
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  expect(seen).toHaveLength(7);
  expect(new Set(seen)).toEqual(new Set(ids));
  expect((await list('listed', '?status=delivered')).items).toHaveLength(7);
  for (const status of ['pending', 'retrying', 'dead'])
    expect((await list('listed', `?status=${status}`)).items).toEqual([]);
  expect((await list('listed', `?event=${ids[0]}`)).items).toMatchObject([{ eventId: ids[0], status: 'delivered' }]);
  expect((await list('listed', `?event=${ids[0]}&status=dead`)).items).toEqual([]);
  expect((await list('listed', '?event=unknown')).items).toEqual([]);
});

test('what waits and what failed is listed too', async () => {
  hooksAnswer({ mixed: 500 });
  await subscribe('mixed', { retry: { schedule: [3600], jitter: 0 } });
  const failed = await broker.publish('mixed', 1);
  await statusIs('mixed', failed.id, 'retrying');
  await pauseNow('mixed');
  const waiting = await broker.publish('mixed', 2);
  const ids = async (status: string) => (await list('mixed', `?status=${status}`)).items.map(({ eventId }) => eventId);
  expect(await ids('retrying')).toEqual([failed.id]);
  expect(await ids('pending')).toEqual([waiting.id]);
  const all = await list('mixed');
  expect(all.items.map(({ status }) => status)).toEqual(['pending', 'retrying']);
});

test('a delivery is listed under the status that it shows', async () => {
  hooks.respondWith(({ url, headers }) => {
    if (url !== '/states') return 204;
    const id = String(headers['webhook-id']);
    if (headers['hookcast-replay'] !== undefined) return 503;
    if (id.startsWith('dropped')) return { status: 500, headers: { 'hookcast-verdict': 'drop' } };
    return id.startsWith('discarded') ? 422 : 204;
  });
  await broker.publish('states', 1, { 'ce-id': 'skipped' });
  await subscribe('states', { retry: { schedule: [3600], jitter: 0 } });
  const expected = { dropped: 'dropped', discarded: 'dead', replayed: 'delivered', delivered: 'delivered' };
  for (const [id, status] of Object.entries(expected)) {
    await broker.publish('states', 1, { 'ce-id': id });
    await statusIs('states', id, status);
  }
  await broker.call('POST', '/v1/dead-letters/discard', { subscription: 'states', filter: {} });
  await statusIs('states', 'discarded', 'discarded');
  const replay = await broker.call<{ id: string }>('POST', '/v1/subscriptions/states/replays', {
    from: '2020-01-01T00:00:00Z',
    filter: "id == 'replayed'",
  });
  await statusIs('states', 'replayed', 'retrying');
  await broker.call('DELETE', `/v1/operations/${replay.body.id}`);
  await statusIs('states', 'replayed', 'delivered');

  const shown = ['delivered', 'replayed', 'discarded', 'dropped', 'skipped'];
  const statuses = await Promise.all(shown.map(async (id) => (await one('states', id)).body.status));
  expect(statuses).toEqual(['delivered', 'delivered', 'discarded', 'dropped', 'skipped']);
  for (const [index, id] of shown.entries())
    expect((await list('states', `?status=${statuses[index]}`)).items.map(({ eventId }) => eventId)).toContain(id);
  expect((await list('states', '?status=delivered')).items).toHaveLength(2);
  expect((await list('states')).items.map(({ eventId }) => eventId)).toEqual(shown.slice(0, 4));
});

test('dead letters are listed newest first, filtered and in pages', async () => {
  hooksAnswer({ buried: 400 });
  await subscribe('buried', { topics: ['buried.*'] });
  const ids: string[] = [];
  for (const topic of ['buried.one', 'buried.two', 'buried.one']) {
    const { id } = await broker.publish(topic, 1);
    await statusIs('buried', id, 'dead');
    ids.unshift(id);
  }
  const find = async (query: string) =>
    (await broker.call<Page<Delivery>>('GET', `/v1/dead-letters?subscription=buried${query}`)).body;
  const idsOf = async (query: string) => (await find(query)).items.map(({ eventId }) => eventId);
  expect(await idsOf('')).toEqual(ids);
  expect(await idsOf('&topic=buried.two')).toEqual([ids[1]]);
  expect(await idsOf('&reason=non-retryable')).toEqual(ids);
  expect(await idsOf('&reason=expired')).toEqual([]);
  expect(await idsOf('&from=2099-01-01T00:00:00Z')).toEqual([]);
  expect(await idsOf('&to=2020-01-01T00:00:00Z')).toEqual([]);
  const first = await find('&limit=2');
  expect(first.items.map(({ eventId }) => eventId)).toEqual(ids.slice(0, 2));
  expect(await idsOf(`&limit=2&cursor=${first.nextCursor}`)).toEqual(ids.slice(2));
});

test.each([
  ['/v1/subscriptions/nobody/deliveries', 404, 'subscription-not-found'],
  ['/v1/subscriptions/nobody/deliveries/e1', 404, 'subscription-not-found'],
  ['/v1/subscriptions/missing/deliveries/e1', 404, 'delivery-not-found'],
  ['/v1/subscriptions/missing/deliveries/%00', 404, 'delivery-not-found'],
  ['/v1/subscriptions/missing/deliveries?status=lost', 422, 'validation-failed'],
  ['/v1/subscriptions/missing/deliveries?cursor=abc', 422, 'validation-failed'],
  ['/v1/subscriptions/missing/deliveries?event=a%20b', 422, 'validation-failed'],
  ['/v1/dead-letters?reason=bad-luck', 422, 'validation-failed'],
  ['/v1/dead-letters?from=yesterday', 422, 'validation-failed'],
  ['/v1/dead-letters?subscription=UPPER', 422, 'validation-failed'],
  ['/v1/events/unknown', 404, 'event-not-found'],
  ['/v1/events/a%20b', 404, 'event-not-found'],
])('GET %s answers %i %s', async (path, status, code) => {
  if (path.includes('/missing/'))
    await broker.call('PUT', '/v1/subscriptions/missing', { topics: ['m'], url: hooks.url });
  expect(await broker.call('GET', path)).toMatchObject({ status, body: { code } });
});

test('an event of another topic is no delivery of a subscription', async () => {
  await subscribe('stranger');
  const { id } = await broker.publish('elsewhere', 1);
  expect(await one('stranger', id)).toMatchObject({ status: 404, body: { code: 'delivery-not-found' } });
  expect((await broker.call('POST', `/v1/subscriptions/stranger/deliveries/${id}/retry`)).status).toBe(404);
});

test('every attempt is one log line with ids and durations, without data', async () => {
  await subscribe('logged');
  const { id } = await broker.publish('logged', { card: '4111-1111' });
  await statusIs('logged', id, 'delivered');
  const lines = broker.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ event, eventId }) => event === 'delivery.attempted' && eventId === id)).toMatchObject([
    {
      subscription: 'logged',
      topic: 'logged',
      attempt: 1,
      outcome: 'delivered',
      status: 204,
      durationMs: expect.any(Number),
    },
  ]);
  expect(broker.lines.join('')).not.toContain('4111-1111');
});

test('the overview and the workers show what is going on', async () => {
  hooksAnswer({});
  const overview = await broker.call<{ topics: number }>('GET', '/v1/overview');
  expect(overview.body).toMatchObject({ workers: 1, subscriptions: { suspended: 0, stale: 0 } });
  expect(overview.body.topics).toBeGreaterThan(5);
  const workers = await broker.call('GET', '/v1/workers');
  expect(workers.body).toMatchObject({ items: [{ pid: process.pid, streams: expect.any(Number) }], nextCursor: null });
});

test('the overview says who is in trouble and why, and what was sent minute by minute', async () => {
  hooksAnswer({ 'troubled?token=geheim': 503 });
  await subscribe('troubled', { url: `${hooks.url}/troubled?token=geheim`, retry: { schedule: [3600] } });
  await subscribe('stopped');
  await pauseNow('stopped');
  await broker.publish('troubled', {});
  interface Overview {
    troubled: number;
    troubles: { subscription: string; troubles: { kind: string; reason: string }[] }[];
    minutes: { failed: number }[];
    reconciler: object;
    failing: { subscription: string; url: string }[];
  }
  const overview = async () => (await broker.call<Overview>('GET', '/v1/overview')).body;
  const kindsOf = async (name: string) =>
    (await overview()).troubles.find(({ subscription }) => subscription === name)?.troubles.map(({ kind }) => kind);
  await until(async () => (await kindsOf('troubled'))?.includes('failing'), {
    what: 'the failure to be counted',
  });
  expect(await kindsOf('stopped')).toEqual(['paused']);
  const { troubled, troubles, minutes, reconciler, failing } = await overview();
  // Whoever may read sees it, and the query of a hook's URL is a secret as often as not.
  expect(failing.find(({ subscription }) => subscription === 'troubled')?.url).toBe(
    `${hooks.url}/troubled?token=[redacted]`,
  );
  expect(troubled).toBe(troubles.length);
  expect(minutes.reduce((sum, { failed }) => sum + failed, 0)).toBeGreaterThan(0);
  expect(reconciler).toMatchObject({ violations: 0 });
  const own = await broker.call<{ items: object[] }>('GET', '/v1/subscriptions/troubled/minutes');
  expect(own.body.items).toEqual([
    { minute: expect.stringMatching(/:00\.000Z$/), delivered: 0, failed: 1, dead: 0, p95Ms: expect.any(Number) },
  ]);
  expect((await broker.call('GET', '/v1/subscriptions/nobody/minutes')).status).toBe(404);
});

test('nothing is sent to a subscription once it was deleted', async () => {
  await subscribe('deleted');
  await broker.call('DELETE', '/v1/subscriptions/deleted');
  await broker.publish('deleted', 1);
  await subscribe('marker');
  const { id } = await broker.publish('marker', 1);
  await statusIs('marker', id, 'delivered');
  expect(hooks.requests.filter(({ url }) => url === '/deleted')).toEqual([]);
});
