import { DeliveryWorker } from '@hookcast/delivery';
import { testBroker, type Published, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Sought {
  backlog: number;
  skipped: number;
  seek: { streams: number; skipped: number; repeated: number };
}

let broker: TestBroker;
let hooks: HookServer;
const answers: Record<string, number> = {};
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  hooks = await hookServer();
  hooks.respondWith(({ url }) => answers[url.slice(1)] ?? 204);
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

const subscribe = async (name: string, more: object = {}) => {
  const retry = { schedule: [3600], jitter: 0 };
  const body = { topics: [name], url: `${hooks.url}/${name}`, retry, ...more };
  const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
};
/** All in one stream. */
const publish = async (name: string, count: number) => {
  const events: Published[] = [];
  for (let index = 0; index < count; index += 1)
    events.push(await broker.publish(name, { index }, { 'ce-partitionkey': 'k' }));
  return events;
};
const seek = async (name: string, to: string) => broker.call<Sought>('POST', `/v1/subscriptions/${name}/seek`, { to });
const sent = (name: string) =>
  hooks.requests.filter(({ url }) => url === `/${name}`).map(({ headers }) => String(headers['webhook-id']));
const settled = async (name: string) =>
  until(async () => (await broker.call<Sought>('GET', `/v1/subscriptions/${name}`)).body.backlog === 0, {
    what: 'an empty backlog',
  });
const statusOf = async (name: string, id: string) =>
  (await broker.call<{ status: string; reason: string }>('GET', `/v1/subscriptions/${name}/deliveries/${id}`)).body;
const attemptsOf = async (name: string, id: string) =>
  (await broker.call<{ attemptCount: number }>('GET', `/v1/subscriptions/${name}/deliveries/${id}`)).body.attemptCount;
const pause = async (name: string) => {
  await broker.call('POST', `/v1/subscriptions/${name}/pause`);
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
};

test('a seek to the end skips the backlog, and says so in the counter and for each event', async () => {
  await subscribe('forward');
  await pause('forward');
  const events = await publish('forward', 5);
  const sought = await seek('forward', 'latest');
  expect(sought).toMatchObject({ status: 200, body: { backlog: 0, skipped: 5, seek: { skipped: 5, repeated: 0 } } });
  await broker.call('POST', '/v1/subscriptions/forward/resume');
  const [after] = await publish('forward', 1);
  await until(() => sent('forward').length > 0, { what: 'the event behind' });
  expect(sent('forward')).toEqual([after?.id]);
  expect(await statusOf('forward', events[0]?.id ?? '')).toMatchObject({
    status: 'skipped',
    reason: expect.stringContaining('seek'),
  });
  expect(await statusOf('forward', after?.id ?? '')).toMatchObject({ status: 'delivered' });
  expect((await seek('forward', 'latest')).body).toMatchObject({ skipped: 5, seek: { skipped: 0 } });
});

test('the rate of a resume is over with its backlog, whatever a seek brings back later', async () => {
  await subscribe('drained');
  await pause('drained');
  await publish('drained', 30);
  await broker.call('POST', '/v1/subscriptions/drained/resume', { drainRate: 1_000 });
  await settled('drained');
  await pause('drained');
  const sought = await seek('drained', 'earliest');
  expect(sought).toMatchObject({ status: 200, body: { backlog: 30, toDrain: 0, seek: { repeated: 30 } } });
});

test('a seek forward drops the retries that wait for what is skipped', async () => {
  answers['waiting'] = 503;
  await subscribe('waiting');
  const [failed, kept] = await publish('waiting', 2);
  await until(async () => (await statusOf('waiting', kept?.id ?? '')).status === 'retrying');
  expect((await seek('waiting', kept?.position ?? '')).body.seek).toMatchObject({ repeated: 1 });
  expect((await statusOf('waiting', failed?.id ?? '')).status).toBe('retrying');
  await until(async () => (await statusOf('waiting', kept?.id ?? '')).status === 'retrying');
  await settled('waiting');
  await pause('waiting');
  await publish('waiting', 1);
  // Both retries and the event that is new.
  expect((await seek('waiting', 'latest')).body.seek).toMatchObject({ skipped: 3 });
  expect(await statusOf('waiting', failed?.id ?? '')).toMatchObject({ status: 'skipped' });
});

test('a seek to the end drops retries also when nothing else is behind', async () => {
  answers['settled'] = 503;
  await subscribe('settled');
  const [failed] = await publish('settled', 1);
  await until(async () => (await statusOf('settled', failed?.id ?? '')).status === 'retrying');
  await settled('settled');
  expect((await seek('settled', 'latest')).body.seek).toMatchObject({ skipped: 1, repeated: 0 });
  expect(await statusOf('settled', failed?.id ?? '')).toMatchObject({ status: 'skipped' });
});

test('a seek forward drops what goes by itself since its batch has failed', async () => {
  answers['batches'] = 500;
  await subscribe('batches', { batch: { maxEvents: 10 }, retry: { schedule: [3600, 3600], jitter: 0 } });
  await pause('batches');
  const events = await publish('batches', 2);
  await broker.call('POST', '/v1/subscriptions/batches/resume');
  for (const { id } of events)
    await until(async () => (await attemptsOf('batches', id)) === 2, { what: 'the try by itself' });
  await pause('batches');
  await publish('batches', 1);
  expect((await seek('batches', 'latest')).body.seek).toMatchObject({ skipped: 3 });
  for (const { id } of events) expect(await statusOf('batches', id)).toMatchObject({ status: 'skipped' });
});

test('a seek backward delivers again what is behind the place, while the worker holds the cursor', async () => {
  await subscribe('backward');
  const events = await publish('backward', 6);
  await until(() => sent('backward').length === 6, { what: 'first deliveries' });
  await settled('backward');
  hooks.requests.length = 0;
  const sought = await seek('backward', events[2]?.position ?? '');
  expect(sought.body).toMatchObject({ seek: { skipped: 0, repeated: 4 } });
  const ids = events.map(({ id }) => id);
  await until(() => new Set(sent('backward')).size === 4, { what: 'the repetition' });
  await settled('backward');
  expect(sent('backward').toSorted()).toEqual(ids.slice(2).toSorted());
  hooks.requests.length = 0;
  expect((await seek('backward', 'earliest')).body.seek.repeated).toBe(6);
  await until(() => new Set(sent('backward')).size === 6, { what: 'everything again' });
});

test('what the worker learns after a seek about before it is not written', async () => {
  await subscribe('racing', { concurrency: 4 });
  const ids = (await publish('racing', 40)).map(({ id }) => id);
  await settled('racing');
  for (let round = 0; round < 3; round += 1) {
    hooks.requests.length = 0;
    await seek('racing', 'earliest');
    // In the middle of the repetition, with requests in flight and results that wait to be settled.
    await until(() => sent('racing').length >= 10, { what: 'a part of the repetition' });
    hooks.requests.length = 0;
    await seek('racing', 'earliest');
    await until(() => new Set(sent('racing')).size === 40, { what: 'all of it' });
    expect(new Set(sent('racing'))).toEqual(new Set(ids));
  }
  await settled('racing');
});

test('a dead letter that will be delivered again is none any more', async () => {
  answers['unburied'] = 500;
  await subscribe('unburied', { retry: { schedule: [] } });
  const [event] = await publish('unburied', 1);
  await until(async () => (await statusOf('unburied', event?.id ?? '')).status === 'dead');
  answers['unburied'] = 204;
  await seek('unburied', 'earliest');
  await until(async () => (await statusOf('unburied', event?.id ?? '')).status === 'delivered');
  const { body } = await broker.call<{ items: unknown[] }>('GET', '/v1/dead-letters?subscription=unburied');
  expect(body.items).toEqual([]);
});

test('a seek to a time goes on with the first event from then on', async () => {
  await subscribe('timed');
  await publish('timed', 2);
  await settled('timed');
  expect((await seek('timed', '2020-01-01T00:00:00Z')).body.seek).toMatchObject({ repeated: 2 });
  await settled('timed');
  expect((await seek('timed', '2099-01-01T00:00:00Z')).body.seek).toMatchObject({ repeated: 0, skipped: 0 });
});

test('a new subscription that starts with the oldest event gets all there is, and live ones go on meanwhile', async () => {
  await subscribe('log');
  const before = await publish('log', 30);
  await settled('log');
  await subscribe('late', { topics: ['log'], startFrom: 'earliest', concurrency: 1 });
  const [live] = await publish('log', 1);
  await until(() => sent('log').includes(live?.id ?? ''), { what: 'the live delivery' });
  await until(() => new Set(sent('late')).size === 31, { what: 'everything for the late one' });
  expect(new Set(sent('late'))).toEqual(new Set([...before, ...(live ? [live] : [])].map(({ id }) => id)));
});

test('a dry run answers what a seek would come to, moves nothing and leaves no entry', async () => {
  await subscribe('tried');
  await pause('tried');
  await publish('tried', 4);
  const plan = async (to: string) => broker.call<Sought>('POST', '/v1/subscriptions/tried/seek', { to, dryRun: true });
  expect(await plan('latest')).toMatchObject({ status: 200, body: { backlog: 4, skipped: 0, seek: { skipped: 4 } } });
  expect((await plan('yesterday')).status).toBe(422);
  expect((await broker.call<Sought>('GET', '/v1/subscriptions/tried')).body).toMatchObject({ backlog: 4, skipped: 0 });
  const { body } = await broker.call<{ items: unknown[] }>(
    'GET',
    '/v1/audit?target=subscription/tried&action=subscription.seek',
  );
  expect(body.items).toEqual([]);
  expect((await seek('tried', 'latest')).body.seek).toMatchObject({ skipped: 4 });
});

test.each([
  ['/v1/subscriptions/nobody/seek', { to: 'latest' }, 404, 'subscription-not-found'],
  ['/v1/subscriptions/timed/seek', {}, 422, 'validation-failed'],
  ['/v1/subscriptions/timed/seek', { to: 'yesterday' }, 422, 'validation-failed'],
  ['/v1/subscriptions/timed/seek', { to: '999999:1' }, 422, 'validation-failed'],
])('POST %s %j answers %i %s', async (path, body, status, code) => {
  expect(await broker.call('POST', path, body)).toMatchObject({ status, body: { code } });
});

test('a seek is in the audit log', async () => {
  const { body } = await broker.call<{ items: { action: string }[] }>(
    'GET',
    '/v1/audit?target=subscription/timed&action=subscription.seek',
  );
  expect(body.items.length).toBeGreaterThan(0);
});
