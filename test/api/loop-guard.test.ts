import { createHmac } from 'node:crypto';
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createPublisher, type Publisher } from '@hookcast/publisher';
import { createReceiver } from '@hookcast/receiver';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Stored {
  attributes: Record<string, string>;
}
interface Subscription {
  secret: string;
}

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCd';
const maxHops = 3;

let broker: TestBroker;
let bus: Publisher;
let hooks: HookServer;
beforeAll(async () => {
  broker = await testBroker({
    settings: {
      HOOKCAST_ROLE: 'all',
      HOOKCAST_MAX_HOPS: String(maxHops),
      HOOKCAST_PUBLIC_URL: 'https://bus.example.com/events',
    },
  });
  bus = createPublisher({ url: broker.url, apiKey: adminKey });
  hooks = await hookServer();
});
afterAll(async () => {
  await bus?.close();
  await broker?.close();
  await hooks?.close();
});

const subscribe = async (name: string, body: object) => {
  const { status, text, body: made } = await broker.call<Subscription>('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
  return made;
};
const attributesOf = async (id: string) => (await broker.call<Stored>('GET', `/v1/events/${id}`)).body.attributes;

test('a first event tells its hooks that it went through one, and one that a hook caused through one more', async () => {
  await subscribe('counted', { topics: ['counted'], url: `${hooks.url}/counted` });
  await broker.publish('counted', { n: 1 });
  await broker.publish('counted', { n: 2 }, { 'hookcast-hops': '1' });
  await until(() => hooks.requests.length === 2, { what: 'both deliveries' });
  expect(new Set(hooks.requests.map(({ headers }) => headers['hookcast-hops']))).toEqual(new Set(['1', '2']));
});

test('the count is stored with the event, and its own wins over that of the request', async () => {
  const event = { specversion: '1.0', id: 'own-count', source: '/t', type: 't', hookcasthops: 2 };
  const headers = { 'content-type': 'application/cloudevents+json', 'hookcast-hops': '3' };
  expect((await broker.call('POST', '/v1/topics/count/events', event, { headers })).status).toBe(201);
  expect(await attributesOf('own-count')).toMatchObject({ hookcasthops: '2' });
});

test('an event with too many hooks behind it is refused, in a batch with all of the batch', async () => {
  const headers = { 'hookcast-hops': String(maxHops + 1) };
  const single = await broker.call('POST', '/v1/topics/round/events', { n: 1 }, { headers });
  expect(single).toMatchObject({ status: 422, body: { code: 'too-many-hops' } });
  const event = (id: string, hookcasthops: number) => ({
    specversion: '1.0',
    id,
    source: '/t',
    type: 't',
    hookcasthops,
  });
  const batch = await broker.call('POST', '/v1/topics/round/events', [event('fine', 0), event('over', maxHops + 1)], {
    headers: { 'content-type': 'application/cloudevents-batch+json' },
  });
  expect(batch).toMatchObject({ status: 422, body: { code: 'too-many-hops' } });
  expect((await broker.call('GET', '/v1/events/fine')).status).toBe(404);
  expect((await broker.call('POST', '/v1/topics/round/events', {}, { headers: { 'hookcast-hops': 'x' } })).status).toBe(
    422,
  );
});

test('two services that answer each other with events stop after the limit', async () => {
  const seen: number[] = [];
  const refusals: unknown[] = [];
  const receiver = createReceiver({
    secrets: [secret],
    on: {
      'circle.*': async (_, { topic, hops }) => {
        seen.push(hops);
        // Later than the handler's first turn: what it starts belongs to it all the same.
        await new Promise((resolve) => setImmediate(resolve));
        const other = topic === 'circle.ping' ? 'circle.pong' : 'circle.ping';
        await bus.publish(other, {}).catch((error: unknown) => refusals.push(error));
      },
    },
  });
  const server = http.createServer((request, response) => void receiver.node(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  await subscribe('circle', { topics: ['circle.*'], url, secret, format: 'standard-webhooks' });
  await bus.publish('circle.ping', {});
  await until(() => refusals.length > 0, { what: 'the refusal' });
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(refusals).toMatchObject([{ status: 422, problem: { code: 'too-many-hops' } }]);
  server.closeAllConnections();
  server.close();
});

test('a request to a source hands its count on, and is refused past the limit', async () => {
  const put = await broker.call<{ url: string }>('PUT', '/v1/sources/looped', {
    sender: 'github',
    secret: 'x'.repeat(20),
  });
  const { pathname } = new URL(put.body.url);
  const address = `${broker.url}/in/${pathname.split('/in/')[1]}`;
  const body = '{"action":"opened"}';
  const send = async (id: string, hops: number) =>
    fetch(address, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'issues',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${createHmac('sha256', 'x'.repeat(20)).update(body).digest('hex')}`,
        'hookcast-hops': String(hops),
      },
    });
  expect((await send('d-1', 2)).status).toBe(200);
  expect(await attributesOf('looped:d-1')).toMatchObject({ hookcasthops: '2' });
  expect((await send('d-2', maxHops + 1)).status).toBe(400);
  expect((await broker.call('GET', '/v1/events/looped:d-2')).status).toBe(404);
});

test.each(['https://bus.example.com/events/v1/topics/a/events', 'https://bus.example.com/events/in/github/token'])(
  'the hook %s is refused, since it is this broker',
  async (url) => {
    const answer = await broker.call('PUT', '/v1/subscriptions/self', { topics: ['a'], url });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'hook-address-forbidden', errors: [{ pointer: '/url' }] },
    });
  },
);

test('another service behind the same proxy is no circle', async () => {
  const url = 'https://bus.example.com/billing/v1/hooks';
  await subscribe('neighbour', { topics: ['a'], url });
});
