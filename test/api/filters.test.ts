import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Detail {
  deliveries: { subscription: string; matched: boolean; status: string | null; reason: string }[];
}

let broker: TestBroker;
let hooks: HookServer;
beforeAll(async () => {
  hooks = await hookServer();
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

const publish = async (topic: string, data: object) => broker.publish(topic, data);

test('an event says for each subscription whether its filter matched, and why not', async () => {
  const subscribe = async (name: string, filter: string) =>
    broker.call('PUT', `/v1/subscriptions/${name}`, { topics: ['why.orders'], url: hooks.url, filter });
  await subscribe('large', 'data.total > 100');
  await subscribe('paid', 'data.paid == true');
  await subscribe('small', 'data.total < 100');
  const { id } = await publish('why.orders', { total: 150 });
  const deliveries = await until(
    async () => {
      const { body } = await broker.call<Detail>('GET', `/v1/events/${id}`);
      const large = body.deliveries.find(({ subscription }) => subscription === 'large');
      return large?.status === 'delivered' ? body.deliveries : undefined;
    },
    { what: 'the delivery' },
  );
  expect(deliveries).toEqual([
    expect.objectContaining({ subscription: 'large', matched: true }),
    expect.objectContaining({ matched: false, status: null, reason: 'filter: no match because data.paid is missing' }),
    expect.objectContaining({ matched: false, status: null, reason: 'filter: no match' }),
  ]);
  expect(hooks.requests).toHaveLength(1);
});

test('a filter is tried on past events without sending them', async () => {
  for (const data of [{ total: 150 }, { total: 50 }, {}]) await publish('tried.orders', data);
  await broker.call('PUT', '/v1/subscriptions/tried', {
    topics: ['tried.*'],
    url: hooks.url,
    filter: 'data.total > 100',
  });
  const before = hooks.requests.length;
  const match = async (body: object) => broker.call('POST', '/v1/subscriptions/tried/match', body);
  expect(await match({})).toMatchObject({
    status: 200,
    body: {
      scanned: 3,
      matched: 1,
      items: [
        { topic: 'tried.orders', matched: true },
        { matched: false },
        { matched: false, reason: 'no match because data.total is missing' },
      ],
    },
  });
  expect(await match({ filter: 'has(data.total)', limit: 2 })).toMatchObject({ body: { scanned: 2, matched: 2 } });
  expect(await match({ filter: null })).toMatchObject({ body: { scanned: 3, matched: 3 } });
  expect(await match({ filter: 'data.total >' })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/filter' }] },
  });
  expect(await match({ from: 'yesterday' })).toMatchObject({ status: 422 });
  expect(hooks.requests).toHaveLength(before);
});

test('an event that a former filter kept back does not count as delivered', async () => {
  const name = 'changed';
  const subscribe = async (filter: string | null) =>
    broker.call('PUT', `/v1/subscriptions/${name}`, { topics: ['changed.orders'], url: hooks.url, filter });
  interface Shown {
    status: string;
    reason: string;
    attemptCount: number;
  }
  const delivery = async (id: string) =>
    (await broker.call<Shown>('GET', `/v1/subscriptions/${name}/deliveries/${id}`)).body;
  const listed = async (query: string) => {
    const path = `/v1/subscriptions/${name}/deliveries${query}`;
    const { body } = await broker.call<{ items: { eventId: string }[] }>('GET', path);
    return body.items.map(({ eventId }) => eventId);
  };
  await broker.call('PUT', '/v1/topics/changed.orders', { partitions: 1 });
  await subscribe('data.total > 100');
  const keptBack = await publish('changed.orders', { total: 50 });
  const taken = await publish('changed.orders', { total: 150 });
  await until(async () => (await delivery(taken.id)).status === 'delivered', { what: 'the delivery' });
  const refused = await broker.call<Detail>('GET', `/v1/events/${keptBack.id}`);
  expect(refused.body.deliveries).toContainEqual(
    expect.objectContaining({ subscription: name, matched: false, reason: 'filter: no match' }),
  );

  await subscribe('data.total > 10');
  const why = /^settled without a recorded attempt: the filter of its time kept it back, or/;
  expect(await delivery(keptBack.id)).toMatchObject({
    status: 'unknown',
    attemptCount: 0,
    reason: expect.stringMatching(why),
  });
  const { body } = await broker.call<Detail>('GET', `/v1/events/${keptBack.id}`);
  expect(body.deliveries).toContainEqual(
    expect.objectContaining({ subscription: name, status: 'unknown', reason: expect.stringMatching(why) }),
  );
  expect(await listed('')).toEqual([taken.id]);
  expect(await listed('?status=delivered')).toEqual([taken.id]);
  expect(await listed('?status=unknown')).toEqual([keptBack.id]);

  await broker.call('POST', `/v1/subscriptions/${name}/deliveries/${keptBack.id}/retry`);
  await until(async () => (await delivery(keptBack.id)).status === 'delivered', { what: 'what was asked for' });
});
