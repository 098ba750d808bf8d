import { DeliveryWorker } from '@hookcast/delivery';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Shown {
  status: string;
  reason: string;
  attemptCount: number;
}
interface BlockedKey {
  key: string | null;
  eventId: string | null;
}

let broker: TestBroker;
let hooks: HookServer;
/** Events that the hook does not take; it answers with a verdict, so that no breaker parks it. */
const broken = new Set<string>();
beforeAll(async () => {
  hooks = await hookServer();
  hooks.respondWith(({ headers }) =>
    broken.has(String(headers['webhook-id'])) ? { status: 200, headers: { 'hookcast-verdict': 'retry' } } : 204,
  );
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});
beforeEach(() => broken.clear());

const subscribe = async (name: string, more: object) => {
  await broker.call('PUT', `/v1/topics/${name}`, { partitions: 1 });
  const body = { topics: [name], url: `${hooks.url}/${name}`, retry: { schedule: [3600, 3600], jitter: 0 }, ...more };
  const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
};
const publish = async (topic: string, id: string, key?: string) =>
  broker.publish(topic, { id }, { 'ce-id': id, ...(key !== undefined && { 'ce-partitionkey': key }) });
const delivery = async (name: string, eventId: string) =>
  (await broker.call<Shown>('GET', `/v1/subscriptions/${name}/deliveries/${eventId}`)).body;
const blocked = async (name: string) =>
  (await broker.call<{ blockedKeys: BlockedKey[] }>('GET', `/v1/subscriptions/${name}`)).body.blockedKeys;
const statusIs = async (name: string, eventId: string, status: string) =>
  until(async () => (await delivery(name, eventId)).status === status, { what: `${eventId} to be ${status}` });
const retry = async (name: string, eventId: string) =>
  broker.call<{ order: string; orderReason: string }>('POST', `/v1/subscriptions/${name}/deliveries/${eventId}/retry`);
const sentTo = (name: string) =>
  hooks.requests.filter(({ url }) => url === `/${name}`).map(({ headers }) => headers['webhook-id']);

test('a key that fails is shown with its event, and what waits says behind whom', async () => {
  await subscribe('by.key', { ordering: 'key' });
  broken.add('a1');
  broken.add('loose');
  const { position } = await publish('by.key', 'a1', 'a');
  await publish('by.key', 'loose');
  await statusIs('by.key', 'loose', 'retrying');
  await publish('by.key', 'a2', 'a');
  await publish('by.key', 'b1', 'b');
  await statusIs('by.key', 'b1', 'delivered');

  expect(await blocked('by.key')).toEqual([
    {
      key: 'a',
      eventId: 'a1',
      position,
      attemptCount: 1,
      nextAttemptAt: expect.any(String),
      lastError: expect.stringContaining('verdict'),
    },
  ]);
  expect(await delivery('by.key', 'a2')).toMatchObject({
    status: 'pending',
    reason: 'waits behind a1',
    attemptCount: 0,
  });
  const event = await broker.call<{ deliveries: Shown[] }>('GET', '/v1/events/a2');
  expect(event.body.deliveries).toEqual([
    expect.objectContaining({ subscription: 'by.key', status: 'pending', reason: 'waits behind a1' }),
  ]);
  const pending = await broker.call<{ items: Shown[] }>('GET', '/v1/subscriptions/by.key/deliveries?status=pending');
  expect(pending.body.items).toMatchObject([{ eventId: 'a2', reason: 'waits behind a1' }]);

  expect((await retry('by.key', 'a2')).body).toMatchObject({ status: 'pending', order: 'kept' });
  broken.clear();
  expect((await retry('by.key', 'a1')).body).toMatchObject({
    order: 'kept',
    orderReason: 'its next attempt is brought forward, and later events of its key go on waiting for it',
  });
  await statusIs('by.key', 'a2', 'delivered');
  expect(await blocked('by.key')).toEqual([]);
  expect(sentTo('by.key').filter((id) => id?.toString().startsWith('a'))).toEqual(['a1', 'a1', 'a2']);
});

test('what was settled is sent again outside of its line, and the answer says so', async () => {
  await subscribe('settled', { ordering: 'key' });
  await publish('settled', 's1', 's');
  await statusIs('settled', 's1', 'delivered');
  broken.add('s1');
  expect((await retry('settled', 's1')).body).toMatchObject({
    order: 'left',
    orderReason: 'it is sent outside of its line: later events of its key do not wait for it',
  });
  await until(() => sentTo('settled').length === 2, { what: 'the second attempt' });
  await statusIs('settled', 's1', 'retrying');
  expect(await blocked('settled')).toEqual([]);
  await publish('settled', 's2', 's');
  await statusIs('settled', 's2', 'delivered');
});

test('strictly, the whole stream waits, and retention may drop what it waits for', async () => {
  await subscribe('strict', { ordering: 'strict' });
  broken.add('first');
  const { position } = await publish('strict', 'first');
  await statusIs('strict', 'first', 'retrying');
  await publish('strict', 'second');
  expect(await blocked('strict')).toMatchObject([{ key: null, eventId: 'first' }]);
  expect(await delivery('strict', 'second')).toMatchObject({ status: 'pending', reason: 'waits behind first' });
  await broker.database.pool.query(`delete from events where event_id = 'first'`);
  expect(await blocked('strict')).toMatchObject([{ key: null, eventId: null, position }]);
  expect(await delivery('strict', 'second')).toMatchObject({ reason: `waits behind ${position}` });
});

test('without an order nothing is blocked', async () => {
  await subscribe('loose', {});
  broken.add('l1');
  await publish('loose', 'l1', 'k');
  await statusIs('loose', 'l1', 'retrying');
  expect(await blocked('loose')).toEqual([]);
  expect((await retry('loose', 'l1')).body).toMatchObject({
    order: 'none',
    orderReason: 'the subscription asks for no order',
  });
});

test('twenty blocked keys are shown, oldest first, in lists too', async () => {
  await subscribe('many', { ordering: 'key' });
  await broker.call('POST', '/v1/subscriptions/many/pause');
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
  const ids = Array.from({ length: 25 }, (_, index) => `m${String(index).padStart(2, '0')}`);
  for (const id of ids) {
    broken.add(id);
    await publish('many', id, id);
  }
  await broker.call('POST', '/v1/subscriptions/many/resume');
  await statusIs('many', 'm24', 'retrying');
  await until(async () => (await blocked('many')).length === 20, { what: 'the blocked keys' });
  const page = await broker.call<{ items: { name: string; blockedKeys: BlockedKey[] }[] }>(
    'GET',
    '/v1/subscriptions?topic=many',
  );
  expect(page.body.items.map(({ blockedKeys }) => blockedKeys.map(({ key }) => key))).toEqual([ids.slice(0, 20)]);
});
