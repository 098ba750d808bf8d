import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hook: HookServer;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  hook = await hookServer();
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

const typed = { attempts: 3, lowest: -2_147_483_648, final: false, text: '3', partitionkey: '7' };
const event = (id: string) => ({ specversion: '1.0', id, source: '/s', type: 't', data: { n: 1 }, ...typed });
const to = (path: string) => hook.requests.filter(({ url }) => url === path);
const bodyOf = async (path: string) => {
  await until(() => to(path).length > 0, { what: `a request to ${path}` });
  const body: unknown = JSON.parse(String(to(path).at(-1)?.body));
  return Array.isArray(body) ? (body[0] as unknown) : body;
};
const publish = async (topic: string, body: unknown, form = 'cloudevents') =>
  broker.call('POST', `/v1/topics/${topic}/events`, JSON.stringify(body), {
    headers: { 'content-type': `application/${form}+json` },
  });
const subscribe = async (name: string, more: object = {}) =>
  broker.call('PUT', `/v1/subscriptions/${name}`, { topics: [name], url: `${hook.url}/${name}`, ...more });

test.each([
  ['one', {}],
  ['batch', { batch: { maxEvents: 10, maxBytes: 100_000 } }],
])('integers and booleans among the extensions arrive as they were published: %s', async (name, more) => {
  await subscribe(name, more);
  expect((await publish(name, [event(name)], 'cloudevents-batch')).status).toBe(201);
  expect(await bodyOf(`/${name}`)).toMatchObject(typed);
});

test('so they do when they are sent again', async () => {
  await subscribe('again', { retry: { schedule: [1], jitter: 0 } });
  hook.answer(500);
  await publish('again', event('again'));
  await until(() => to('/again').length === 2, { what: 'the retry' });
  expect(await bodyOf('/again')).toMatchObject(typed);
});

test('in headers they are text, and so they are for whoever reads events', async () => {
  await subscribe('binary', { format: 'cloudevents-binary' });
  await publish('binary', event('binary'));
  await until(() => to('/binary').length === 1, { what: 'the request' });
  expect(to('/binary')[0]?.headers).toMatchObject({ 'ce-attempts': '3', 'ce-final': 'false', 'ce-text': '3' });
  const read = await broker.call<{ attributes: object }>('GET', '/v1/events/binary');
  expect(read.body.attributes).toMatchObject({ attempts: '3', final: 'false' });
  expect(read.body.attributes).not.toHaveProperty('scalars');
});

test('filters see their text', async () => {
  await subscribe('filtered', { filter: `extensions.attempts == '3'` });
  await publish('filtered', event('filtered'));
  expect(await bodyOf('/filtered')).toMatchObject(typed);
});
