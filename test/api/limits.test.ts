import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Server } from 'node:http';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';

const settings = {
  HOOKCAST_KEY_REQUESTS_PER_SECOND: '1',
  HOOKCAST_KEY_BURST: '3',
  HOOKCAST_MAX_HEADERS: '30',
  HOOKCAST_MAX_HEADER_BYTES: '4096',
  HOOKCAST_MAX_JSON_DEPTH: '8',
  HOOKCAST_MAX_JSON_NODES: '100',
  HOOKCAST_HEADERS_TIMEOUT_MS: '500',
  HOOKCAST_REQUEST_TIMEOUT_MS: '1000',
  HOOKCAST_ANSWER_TIMEOUT_MS: '1000',
};

let broker: TestBroker;
const sockets: Socket[] = [];
beforeAll(async () => {
  broker = await testBroker({ settings });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await broker?.close();
});

async function makeKey(scopes: string[]): Promise<string> {
  const answer = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'k', scopes });
  return `Bearer ${answer.body.key}`;
}

test('a key that uses up its quota is answered with 429, told when to come back, and others are not held up', async () => {
  const authorization = await makeKey(['publish:quota.*']);
  const publish = async () => broker.call('POST', '/v1/topics/quota.a/events', { n: 1 }, { authorization });
  const began = Date.now();
  const answers = await Promise.all(Array.from({ length: 30 }, publish));
  const allowed = answers.filter(({ status }) => status === 201);
  expect(allowed.length).toBeGreaterThanOrEqual(3);
  expect(allowed.length).toBeLessThanOrEqual(3 + Math.ceil((Date.now() - began) / 1000));
  for (const answer of allowed) {
    expect(answer.headers.get('ratelimit-policy')).toBe('"key";q=3;w=3');
    expect(answer.headers.get('ratelimit')).toMatch(/^"key";r=[012];t=[0123]$/);
  }
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 429, body: { code: 'over-quota' } });
    expect(answer.headers.get('ratelimit')).toMatch(/^"key";r=0;t=3$/);
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  const other = await makeKey(['read']);
  expect((await broker.call('GET', '/v1/topics', undefined, { authorization: other })).status).toBe(200);
  expect((await broker.call('GET', '/v1/topics')).headers.get('ratelimit')).toBeNull();
  await until(async () => (await publish()).status === 201, { what: 'the bucket to fill' });
});

test('too many headers and too large ones are refused', async () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x-${index}`, 'v']));
  for (const path of ['/v1/topics', '/in/x/y', '/health/live']) {
    const answer = await broker.call('GET', path, undefined, { headers: many });
    expect(answer).toMatchObject({ status: 431, body: { code: 'headers-too-large' } });
  }
  const large = await broker.call('GET', '/v1/topics', undefined, { headers: { 'x-large': 'v'.repeat(5000) } });
  expect(large.status).toBe(431);
});

test.each([
  ['nested too deep', `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`, 'is nested deeper than 8 levels'],
  ['of too many values', `{"topics":[${'"a",'.repeat(200)}"a"]}`, 'has more than 100 values'],
])('a body %s is refused before it is parsed', async (_, body, fault) => {
  const answer = await broker.call('PUT', '/v1/subscriptions/x', body, {
    headers: { 'content-type': 'application/json' },
  });
  expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '', detail: fault }] } });
});

test('a client that dawdles over its headers or its body is answered with 408', async () => {
  for (const head of [
    'GET / HTTP/1.1\r\nhost: x\r\n',
    `POST /v1/topics/a/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\ncontent-length: 9\r\n\r\n1`,
  ]) {
    let text = '';
    const socket = open(broker).on('data', (chunk) => (text += String(chunk)));
    socket.write(head);
    await until(() => text !== '', { what: 'an answer' });
    expect(text).toMatch(/^HTTP\/1.1 408 /);
  }
});

test.each([
  ['one address', { HOOKCAST_MAX_ADDRESS_CONNECTIONS: '15' }],
  ['all together', { HOOKCAST_MAX_CONNECTIONS: '15' }],
])('%s gets so many connections and no more', async (_, limits) => {
  const small = await testBroker({ settings: limits });
  try {
    const opened = Array.from({ length: 30 }, () => open(small));
    await until(() => opened.filter(({ destroyed }) => destroyed).length === 15, { what: 'connections to be closed' });
    for (const socket of opened) socket.destroy();
    await until(
      async () =>
        small.call('GET', '/health/live').then(
          ({ status }) => status === 200,
          () => false,
        ),
      { what: 'room for another connection' },
    );
  } finally {
    await small.close();
  }
});

function open(at: TestBroker): Socket {
  const server: Server = at.app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  return socket;
}

test('a client that does not read its answers is cut off, and one that waits for an event is not', async () => {
  const event = { filler: 'x'.repeat(200_000) };
  for (let n = 0; n < 20; n += 1) await broker.call('POST', '/v1/topics/unread.a/events', event);
  const server: Server = broker.app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  const [side] = await accepted;
  const ask = `GET /v1/topics/unread.a/events?limit=20 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${adminKey}\r\n\r\n`;
  const waiting = broker.call('GET', '/v1/topics/unread.a/events?wait=3s&from=2100-01-01T00:00:00Z');
  socket.pause();
  socket.write(ask.repeat(8));
  await until(() => side.destroyed, { what: 'the client to be cut off' });
  expect((await waiting).status).toBe(200);
});
