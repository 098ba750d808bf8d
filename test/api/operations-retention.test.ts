import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Operation {
  id: string;
  status: string;
  total: number;
  done: number;
  skipped: number;
}

let broker: TestBroker;
let hooks: HookServer;
/** What each path answers; 204 where it says nothing. */
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

const subscribe = async (name: string) => {
  await broker.call('PUT', `/v1/topics/${name}`, { partitions: 1 });
  const body = { topics: [name], url: `${hooks.url}/${name}`, retry: { schedule: [] }, nonRetryable: [422] };
  const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
};
const begin = async (path: string, body: object) => (await broker.call<Operation>('POST', path, body)).body;
const show = async (id: string) => (await broker.call<Operation>('GET', `/v1/operations/${id}`)).body;
const finished = async (id: string) =>
  until(
    async () => {
      const operation = await show(id);
      return operation.status === 'done' ? operation : undefined;
    },
    { what: 'the end of the operation' },
  );
const requestsOf = (name: string) => hooks.requests.filter(({ url }) => url === `/${name}`);
const backlogIsEmpty = async (name: string) =>
  until(async () => (await broker.call<{ backlog: number }>('GET', `/v1/subscriptions/${name}`)).body.backlog === 0, {
    what: 'an empty backlog',
  });
const deadLetters = async (name: string) =>
  (await broker.call<{ items: { eventId: string }[] }>('GET', `/v1/dead-letters?subscription=${name}`)).body.items;
const publish = async (name: string, count: number) => {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push((await broker.publish(name, { index })).id);
  await backlogIsEmpty(name);
  return ids;
};
/** As retention does when its day goes. */
const dropDay = async (name: string) =>
  broker.database.pool.query(
    `delete from events e using streams s join topics t on t.id = s.topic_id
      where s.stream_id = e.stream_id and t.name = $1`,
    [name],
  );

test('a cancelled replay sends nothing more, and what it had not sent stays delivered', async () => {
  await subscribe('halted');
  await publish('halted', 12);
  hooks.requests.length = 0;
  const { id } = await begin('/v1/subscriptions/halted/replays', { from: 'earliest', rate: 4 });
  await until(async () => (await show(id)).done >= 2, { what: 'first deliveries' });
  expect(await broker.call<Operation>('DELETE', `/v1/operations/${id}`)).toMatchObject({
    status: 200,
    body: { status: 'cancelled' },
  });
  await publish('halted', 1);
  const replayed = requestsOf('halted').filter(({ headers }) => 'hookcast-replay' in headers);
  expect(replayed.length).toBeGreaterThanOrEqual(2);
  expect(replayed.length).toBeLessThan(12);
  const { body } = await broker.call<{ items: unknown[] }>(
    'GET',
    '/v1/subscriptions/halted/deliveries?status=delivered',
  );
  expect(body.items).toHaveLength(13);
  expect((await show(id)).status).toBe('cancelled');
});

test('a redrive delivers what only its dead letter still holds, byte for byte', async () => {
  await subscribe('outlived');
  answers['outlived'] = 422;
  const ids = await publish('outlived', 3);
  expect(await deadLetters('outlived')).toHaveLength(3);
  const [before] = requestsOf('outlived');
  await dropDay('outlived');
  delete answers['outlived'];
  hooks.requests.length = 0;
  const { id } = await begin('/v1/dead-letters/redrive', { subscription: 'outlived' });
  expect(await finished(id)).toMatchObject({ total: 3, done: 3 });
  const bodies = requestsOf('outlived').map(({ body }) => body.toString());
  expect(bodies).toHaveLength(3);
  expect(bodies).toContain(before?.body.toString());
  expect(new Set(requestsOf('outlived').map(({ headers }) => headers['webhook-id']))).toEqual(new Set(ids));
  expect(await deadLetters('outlived')).toEqual([]);
});

test('a replay of days that are gone has nothing to send, and says so', async () => {
  await subscribe('gone');
  await publish('gone', 3);
  await dropDay('gone');
  const kept = await publish('gone', 2);
  hooks.requests.length = 0;
  const { id } = await begin('/v1/subscriptions/gone/replays', { from: 'earliest' });
  const { done } = await finished(id);
  expect(done).toBe(2);
  expect(new Set(requestsOf('gone').map(({ headers }) => headers['webhook-id']))).toEqual(new Set(kept));
});

test('a retry by hand of an event that retention dropped is sent from its dead letter, and refused without one', async () => {
  await subscribe('lost');
  const [delivered = ''] = await publish('lost', 1);
  answers['lost'] = 422;
  const [buried = ''] = await publish('lost', 1);
  await dropDay('lost');
  delete answers['lost'];
  hooks.requests.length = 0;
  const retry = async (id: string) => broker.call('POST', `/v1/subscriptions/lost/deliveries/${id}/retry`);
  expect(await retry(delivered)).toMatchObject({ status: 404, body: { code: 'delivery-not-found' } });
  expect(await retry(buried)).toMatchObject({ status: 200 });
  await until(() => requestsOf('lost').length === 1, { what: 'the dead letter' });
  expect(requestsOf('lost')[0]?.headers['webhook-id']).toBe(buried);
  await until(async () => (await deadLetters('lost')).length === 0, { what: 'the dead letter to end' });
});
