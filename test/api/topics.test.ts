import { testBroker, type TestBroker } from '../support/app.js';

interface Topic {
  name: string;
  partitions: number;
  headPositions: string[];
}
interface TopicList {
  items: Topic[];
  nextCursor: string | null;
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

test('PUT creates a topic with its partitions, and repeating it changes nothing', async () => {
  const created = await broker.call<Topic>('PUT', '/v1/topics/orders.created', { partitions: 2, retentionDays: 3 });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    name: 'orders.created',
    partitions: 2,
    retentionDays: 3,
    schema: null,
    schemaMode: 'off',
    eventRate: 0,
    bytes: 0,
    subscriptions: [],
    lastEventAt: null,
  });
  expect(created.body.headPositions).toHaveLength(2);
  const again = await broker.call<Topic>('PUT', '/v1/topics/orders.created', { partitions: 2, retentionDays: 3 });
  expect(again.status).toBe(200);
  expect(again.body).toEqual(created.body);
});

test('an empty PUT makes a topic with the defaults', async () => {
  const created = await broker.call('PUT', '/v1/topics/plain');
  expect(created).toMatchObject({ status: 201, body: { partitions: 4, retentionDays: 7 } });
});

test('partitions grow but do not shrink, and the rest is replaced', async () => {
  await broker.call('PUT', '/v1/topics/growing', { partitions: 2, retentionDays: 3, schema: { type: 'object' } });
  const grown = await broker.call<Topic>('PUT', '/v1/topics/growing', { partitions: 5 });
  expect(grown).toMatchObject({ status: 200, body: { partitions: 5, retentionDays: 7, schema: null } });
  expect(grown.body.headPositions).toHaveLength(5);
  const kept = await broker.call('PUT', '/v1/topics/growing', {});
  expect(kept).toMatchObject({ status: 200, body: { partitions: 5 } });
  const shrunk = await broker.call('PUT', '/v1/topics/growing', { partitions: 1 });
  expect(shrunk).toMatchObject({
    status: 422,
    body: { code: 'validation-failed', errors: [{ pointer: '/partitions' }] },
  });
});

test('a topic shows its events and its subscriptions', async () => {
  await broker.call('PUT', '/v1/topics/shown.one', { partitions: 1 });
  await broker.call('PUT', '/v1/subscriptions/shown', { topics: ['shown.*'], url: 'http://127.0.0.1:3000/' });
  const { position } = await broker.publish('shown.one', { hello: 'world' });
  const { body } = await broker.call<Topic & { bytes: number; lastEventAt: string }>('GET', '/v1/topics/shown.one');
  expect(body).toMatchObject({ headPositions: [position], subscriptions: ['shown'], bytes: 17 });
  expect(Date.parse(body.lastEventAt)).toBeGreaterThan(Date.now() - 60_000);
});

test('lists are cut into pages that together hold every topic once', async () => {
  for (const name of ['page.a', 'page.b', 'page.c', 'page.d', 'page.e']) await broker.call('PUT', `/v1/topics/${name}`);
  const names: string[] = [];
  let cursor = '';
  for (let pages = 0; pages < 50; pages += 1) {
    const { status, body } = await broker.call<TopicList>('GET', `/v1/topics?limit=2${cursor}`);
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(2);
    names.push(...body.items.map(({ name }) => name));
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(names.filter((name) => name.startsWith('page.'))).toEqual(['page.a', 'page.b', 'page.c', 'page.d', 'page.e']);
  expect(new Set(names).size).toBe(names.length);
});

test('a topic that is received is deleted only by force', async () => {
  await broker.call('PUT', '/v1/subscriptions/watcher', { topics: ['doomed.**'], url: 'http://127.0.0.1:3000/' });
  await broker.call('PUT', '/v1/topics/doomed.topic');
  const refused = await broker.call('DELETE', '/v1/topics/doomed.topic');
  expect(refused).toMatchObject({
    status: 409,
    body: { code: 'topic-in-use', detail: expect.stringContaining('watcher') },
  });
  expect(await broker.call('DELETE', '/v1/topics/doomed.topic?force=perhaps')).toMatchObject({ status: 422 });
  expect(await broker.call('DELETE', '/v1/topics/doomed.topic?force=true')).toMatchObject({ status: 204, text: '' });
  expect(await broker.call('GET', '/v1/topics/doomed.topic')).toMatchObject({
    status: 404,
    body: { code: 'topic-not-found' },
  });
  expect(await broker.call('DELETE', '/v1/topics/doomed.topic')).toMatchObject({ status: 404 });
});

test('a topic that was deleted and published to again starts from its beginning', async () => {
  await broker.call('PUT', '/v1/topics/phoenix', { partitions: 1 });
  const before = await broker.publish('phoenix', 1);
  await broker.call('DELETE', '/v1/topics/phoenix');
  const after = await broker.publish('phoenix', 2);
  expect(after.position).not.toBe(before.position);
  const { body } = await broker.call<{ items: unknown[] }>('GET', '/v1/topics/phoenix/events');
  expect(body.items).toHaveLength(1);
});

test.each([
  ['an unknown field', { colour: 'red' }, '/colour'],
  ['a wrong type', { partitions: '4' }, '/partitions'],
  ['no partitions', { partitions: 0 }, '/partitions'],
  ['too many partitions', { partitions: 65 }, '/partitions'],
  ['a fraction', { partitions: 1.5 }, '/partitions'],
  ['null for partitions', { partitions: null }, '/partitions'],
  ['a retention of nothing', { retentionDays: 0 }, '/retentionDays'],
  ['a schema that is no object', { schema: 'object' }, '/schema'],
  ['a schema that Postgres cannot keep', { schema: { title: 'a\0b' } }, '/schema/title'],
  ['a schema beyond measure', { schema: { title: 'x'.repeat(70_000) } }, '/schema'],
  ['an unknown mode', { schemaMode: 'strict' }, '/schemaMode'],
])('%s is refused', async (_, body, pointer) => {
  const answer = await broker.call<{ errors: { pointer: string }[] }>('PUT', '/v1/topics/refused', body);
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect([...new Set(answer.body.errors.map((error) => error.pointer))]).toEqual([pointer]);
  expect((await broker.call('GET', '/v1/topics/refused')).status).toBe(404);
});

test.each(['Upper', '-dash', '.dot', 'a..b', 'a.', 'sp%20ace', 'x'.repeat(129), '%00', '%F0%9F%98%80'])(
  'the name %s is refused for a new topic and not found otherwise',
  async (name) => {
    expect(await broker.call('PUT', `/v1/topics/${name}`, {})).toMatchObject({
      status: 422,
      body: { code: 'validation-failed' },
    });
    expect((await broker.call('GET', `/v1/topics/${name}`)).status).toBe(404);
    expect((await broker.call('DELETE', `/v1/topics/${name}`)).status).toBe(404);
  },
);

test.each(['limit=0', 'limit=201', 'limit=ten', 'limit=1&limit=2', 'limit=', 'cursor=abc', 'cursor=', 'page=2'])(
  'the query %s is refused',
  async (query) => {
    expect(await broker.call('GET', `/v1/topics?${query}`)).toMatchObject({
      status: 422,
      body: { code: 'validation-failed' },
    });
  },
);

test('without automatic topics, publishing and subscribing need an existing one', async () => {
  const strict = await testBroker({ settings: { HOOKCAST_AUTO_CREATE_TOPICS: 'false' } });
  try {
    expect(await strict.call('POST', '/v1/topics/unknown/events', { a: 1 })).toMatchObject({
      status: 404,
      body: { code: 'topic-not-found' },
    });
    const subscription = { topics: ['unknown', 'any.*'], url: 'http://127.0.0.1:3000/' };
    expect(await strict.call('PUT', '/v1/subscriptions/s', subscription)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/topics/0' }] },
    });
    expect((await strict.call('GET', '/v1/subscriptions/s')).status).toBe(404);
    await strict.call('PUT', '/v1/topics/unknown');
    expect((await strict.call('PUT', '/v1/subscriptions/s', subscription)).status).toBe(201);
    await strict.publish('unknown', { a: 1 });
  } finally {
    await strict.close();
  }
});
