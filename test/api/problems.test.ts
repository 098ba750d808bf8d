import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
  await broker.call('PUT', '/v1/subscriptions/hostile', { topics: ['hostile'], url: 'http://127.0.0.1:3000/' });
  await broker.publish('hostile', 1);
});
afterAll(async () => {
  await broker?.close();
});

const json = { 'content-type': 'application/json' };

test('a problem has the members of RFC 9457, the code, and the id of its request', async () => {
  const answer = await broker.call<Record<string, unknown>>('GET', '/v1/topics/none', undefined, {
    headers: { 'x-request-id': 'my-request-1' },
  });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers.get('x-request-id')).toBe('my-request-1');
  expect(answer.body).toEqual({
    type: 'urn:hookcast:problem:topic-not-found',
    title: 'There is no such topic',
    status: 404,
    detail: 'No topic is named "none".',
    instance: 'my-request-1',
    code: 'topic-not-found',
  });
});

test('a request id that does not belong into a log is replaced', async () => {
  for (const id of ['a b', 'x'.repeat(200), '{"a":1}']) {
    const { headers } = await broker.call('GET', '/health/live', undefined, { headers: { 'x-request-id': id } });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('every answer carries the protective headers and none names the software', async () => {
  const { headers } = await broker.call('GET', '/v1/topics');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain("script-src 'self'");
  expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
  expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
  expect(headers.get('x-powered-by')).toBeNull();
  expect(headers.get('strict-transport-security')).toBeNull();
});

test.each([
  ['GET', '/nowhere'],
  ['GET', '/v1'],
  ['POST', '/v1/nothing/here'],
  ['GET', '/v1/dead-letters/groups/deeper'],
  ['GET', '/.env'],
  ['GET', '//v1/topics'],
])('%s %s leads nowhere', async (method, path) => {
  expect(await broker.call(method, path, method === 'GET' ? undefined : {})).toMatchObject({
    status: 404,
    body: { code: 'route-not-found' },
  });
});

test('who asks for what is not there is told where to look', async () => {
  const detailAt = async (asked: TestBroker) =>
    (await asked.call<{ detail: string }>('GET', '/v1/topic/a')).body.detail;
  expect(await detailAt(broker)).toBe('GET leads nowhere here. All addresses are listed in /openapi.json.');
  const worker = await testBroker({ settings: { HOOKCAST_ROLE: 'worker' } });
  try {
    expect(await detailAt(worker)).toMatch(/This process only delivers, .* ask one with the role api or all\.$/);
  } finally {
    await worker.close();
  }
});

test('a body without a type is told which one it needs', async () => {
  // Given as bytes, since fetch gives a text a type of its own.
  expect(await broker.call('PUT', '/v1/topics/typed', new TextEncoder().encode('{}'))).toMatchObject({
    status: 415,
    body: { detail: 'Content-Type must be application/json in UTF-8, and is missing.' },
  });
});

test.each([
  ['POST', '/v1/topics', 'GET, HEAD'],
  ['PATCH', '/v1/topics/a', 'DELETE, GET, HEAD, PUT'],
  ['GET', '/v1/subscriptions/a/pause', 'POST'],
  ['PUT', '/v1/topics/a/events', 'GET, HEAD, POST'],
  ['DELETE', '/health/live', 'GET, HEAD'],
  ['OPTIONS', '/v1/topics/a', 'DELETE, GET, HEAD, PUT'],
])('%s %s is not allowed', async (method, path, allow) => {
  const answer = await broker.call(method, path);
  expect(answer).toMatchObject({ status: 405, body: { code: 'method-not-allowed' } });
  expect(answer.headers.get('allow')).toBe(allow);
});

test.each([
  ['PUT', '/v1/topics/typed', 'text/plain'],
  ['PUT', '/v1/topics/typed', 'application/x-www-form-urlencoded'],
  ['PUT', '/v1/subscriptions/typed', 'application/json; charset=latin1'],
  ['PUT', '/v1/services/typed', 'text/json-ish'],
])('%s %s as %s is not understood', async (method, path, type) => {
  const answer = await broker.call(method, path, '{}', { headers: { 'content-type': type } });
  expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
});

const subscription = '/v1/subscriptions/refused';

/** Whatever is thrown at it, the broker answers for the request and not for itself. */
const hostile: [string, string, string, unknown, Record<string, string>][] = [
  ['cut JSON', 'PUT', subscription, '{"topics":', json],
  ['a lone quote', 'PUT', subscription, '"', json],
  ['an array', 'PUT', subscription, '[]', json],
  ['null', 'PUT', subscription, 'null', json],
  ['a number', 'PUT', subscription, '1e999', json],
  ['deep JSON', 'PUT', subscription, `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`, json],
  ['a deep array', 'PUT', subscription, '['.repeat(100_000), json],
  ['a prototype', 'PUT', subscription, '{"__proto__":{"topics":["a"],"url":"http://127.0.0.1/"}}', json],
  ['a constructor', 'PUT', subscription, '{"constructor":{"prototype":{"x":1}}}', json],
  ['a toString', 'PUT', subscription, '{"toString":1,"valueOf":2,"hasOwnProperty":3}', json],
  ['a byte order mark', 'PUT', subscription, '\ufeff{}', json],
  ['bytes that are no UTF-8', 'PUT', subscription, new Uint8Array([0x7b, 0xff, 0x7d]), json],
  ['NUL in a name', 'PUT', '/v1/subscriptions/a%00b', {}, {}],
  ['NUL in text', 'PUT', subscription, { topics: ['a\0'], url: 'http://127.0.0.1/\0' }, {}],
  ['lone surrogates', 'PUT', subscription, '{"topics":["\\ud800"],"url":"\\udfff"}', json],
  [
    'a retry of all types',
    'PUT',
    subscription,
    { topics: ['a'], url: 'http://127.0.0.1/', retry: { schedule: { length: 3 } } },
    {},
  ],
  ['objects for texts', 'PUT', subscription, { topics: [{ toString: 'x' }], url: { href: 'x' } }, {}],
  ['a path out of the tree', 'GET', '/docs/..%2f..%2fpackage.json', undefined, {}],
  ['an absolute path', 'GET', '/docs//etc/passwd', undefined, {}],
  ['SQL in a name', 'GET', "/v1/topics/a'%20or%20'1'='1", undefined, {}],
  ['SQL in a query', 'GET', "/v1/subscriptions?service=a'--", undefined, {}],
  ['an array in a query', 'GET', '/v1/subscriptions?state=active&state=paused', undefined, {}],
  ['an object in a query', 'GET', '/v1/subscriptions?state[a]=b', undefined, {}],
  ['a large limit', 'GET', '/v1/subscriptions?limit=99999999999999999999', undefined, {}],
  ['a cursor of nonsense', 'GET', '/v1/subscriptions?cursor=%00%ff', undefined, {}],
  [
    'a cursor of a wrong kind',
    'GET',
    `/v1/dead-letters?cursor=${Buffer.from('[1e300,1e300,1,1]').toString('base64url')}`,
    undefined,
    {},
  ],
  [
    'a cursor into the deliveries',
    'GET',
    `/v1/subscriptions/hostile/deliveries?cursor=${Buffer.from('[9e15,9e15,9e15]').toString('base64url')}`,
    undefined,
    {},
  ],
  ['a position beyond everything', 'GET', '/v1/topics/hostile/events?after=2147483647:9007199254740991', undefined, {}],
  [
    'a time beyond everything',
    'GET',
    '/v1/dead-letters?from=9999-12-31T23:59:59Z&to=0000-01-01T00:00:00Z',
    undefined,
    {},
  ],
  ['an event id of nonsense', 'GET', '/v1/events/%F0%9F%98%80', undefined, {}],
  ['an over-long event id', 'GET', `/v1/events/${'x'.repeat(200)}`, undefined, {}],
  ['a delivery of nothing', 'POST', '/v1/subscriptions/none/deliveries/none/retry', {}, {}],
  ['a body where none belongs', 'DELETE', '/v1/subscriptions/none', { a: 1 }, {}],
  [
    'an event at the end of time',
    'POST',
    '/v1/topics/hostile/events',
    '1',
    { ...json, 'ce-expirytime': '9999-12-31T23:59:59Z', 'ce-time': '0000-01-01T00:00:00Z' },
  ],
  [
    'an event delayed for ever',
    'POST',
    '/v1/topics/hostile/events',
    '1',
    { ...json, 'ce-deliverat': '9999-12-31T23:59:59Z' },
  ],
  ['attributes beyond measure', 'POST', '/v1/topics/hostile/events', '1', { ...json, 'ce-subject': 'x'.repeat(9000) }],
  ['an encoded NUL in an attribute', 'POST', '/v1/topics/hostile/events', '1', { ...json, 'ce-subject': '%00' }],
  ['an attribute that is no name', 'POST', '/v1/topics/hostile/events', '1', { ...json, 'ce-___proto__': 'x' }],
  ['a data attribute', 'POST', '/v1/topics/hostile/events', '1', { ...json, 'ce-data': 'x' }],
  [
    'a prototype as attribute',
    'POST',
    '/v1/topics/hostile/events',
    '{"specversion":"1.0","id":"p","source":"/","type":"t","__proto__":"x"}',
    { 'content-type': 'application/cloudevents+json' },
  ],
  [
    'one attribute twice',
    'POST',
    '/v1/topics/hostile/events',
    '{"specversion":"1.0","id":"p","id":"q","source":"/","type":"t"}',
    { 'content-type': 'application/cloudevents+json' },
  ],
  ['a media type of nonsense', 'POST', '/v1/topics/hostile/events', '1', { 'content-type': 'a/b/c;;;=' }],
];

test.each(hostile)('%s is no server error', async (_, method, path, body, headers) => {
  const before = broker.lines.length;
  const { status } = await broker.call(method, path, body, { headers });
  expect(status).toBeLessThan(500);
  expect(broker.lines.slice(before).filter((line) => line.includes('request.failed'))).toEqual([]);
});

test('a body of 10 MB is refused everywhere, and the connection still works', async () => {
  const huge = JSON.stringify('x'.repeat(10 * 1024 * 1024));
  for (const [method, path] of [
    ['POST', '/v1/topics/huge/events'],
    ['PUT', '/v1/topics/huge'],
    ['PUT', '/v1/subscriptions/huge'],
    ['PUT', '/v1/services/huge'],
  ] as const) {
    expect(await broker.call(method, path, huge, { headers: json })).toMatchObject({
      status: 413,
      body: { code: 'payload-too-large' },
    });
  }
  expect((await broker.call('GET', '/v1/topics/huge')).status).toBe(404);
});

test('a body of unknown length is cut off at its limit', async () => {
  const chunk = 'x'.repeat(64 * 1024);
  let sent = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      sent += chunk.length;
      if (sent > 400 * 1024 * 1024) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
  const response = await fetch(`${broker.url}/v1/topics/endless/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'text/plain' },
    body,
    duplex: 'half',
  }).catch((error: unknown) => error);
  // The client may learn of the refusal, or of the connection that was closed on it.
  expect(response).toSatisfy((one: unknown) => !(one instanceof Response) || one.status === 413);
  expect(sent).toBeLessThan(200 * 1024 * 1024);
});

/** Sends bytes on a bare socket and reads what comes back until the connection ends. */
async function raw(text: string, options: { end?: boolean } = {}): Promise<string> {
  const { port } = broker.app.getHttpServer().address() as AddressInfo;
  const socket: Socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => {});
  socket.write(text);
  if (options.end) socket.end();
  await until(() => socket.readableEnded || socket.destroyed || /\r\n\r\n[^]*\}$/.test(answer), { timeoutMs: 20_000 });
  socket.destroy();
  return answer;
}

const head = `authorization: Bearer ${adminKey}\r\nhost: x\r\n`;

test.each([
  ['a path that cannot be decoded', `GET /v1/topics/% HTTP/1.1\r\n${head}\r\n`, 400, 'request-malformed'],
  ['a path with half a character', `GET /v1/topics/%c3%28 HTTP/1.1\r\n${head}\r\n`, 400, 'request-malformed'],
  [
    'a publish whose topic cannot be decoded',
    `POST /v1/topics/%/events HTTP/1.1\r\n${head}content-length: 0\r\n\r\n`,
    400,
    'request-malformed',
  ],
  ['no HTTP at all', 'hello\r\n\r\n', 400, 'request-malformed'],
  [
    'a wrong content length',
    `PUT /v1/topics/a HTTP/1.1\r\n${head}content-length: many\r\n\r\n`,
    400,
    'request-malformed',
  ],
  [
    'two content lengths',
    `PUT /v1/topics/a HTTP/1.1\r\n${head}content-length: 1\r\ncontent-length: 2\r\n\r\n{}`,
    400,
    'request-malformed',
  ],
  [
    'a length and chunks',
    `PUT /v1/topics/a HTTP/1.1\r\n${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    400,
    'request-malformed',
  ],
  [
    'a chunk without a size',
    `PUT /v1/topics/a HTTP/1.1\r\n${head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    400,
    '',
  ],
  ['headers beyond measure', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ['no Host', `GET /health/live HTTP/1.1\r\nauthorization: Bearer ${adminKey}\r\n\r\n`, 400, 'request-malformed'],
  [
    'an expectation of nonsense',
    `GET /v1/topics/none HTTP/1.1\r\n${head}expect: wonders\r\n\r\n`,
    404,
    'topic-not-found',
  ],
  ['a header without a name', `GET / HTTP/1.1\r\n: x\r\n\r\n`, 400, 'request-malformed'],
])('%s is answered with a problem', async (_, text, status, code) => {
  const answer = await raw(text);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain('application/problem+json');
  expect(answer).toContain(code);
});

test('a body that ends too early stores nothing and harms nobody', async () => {
  await raw(
    `POST /v1/topics/aborted/events HTTP/1.1\r\n${head}content-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf`,
    {
      end: true,
    },
  );
  await until(() => broker.lines.some((line) => line.includes('body-incomplete')), {
    what: "the 'body-incomplete' line",
  });
  expect((await broker.call('GET', '/v1/topics/aborted')).status).toBe(404);
});

test('a request that never ends is timed out', async () => {
  const slow = await testBroker({ settings: { HOOKCAST_REQUEST_TIMEOUT_MS: '1000' } });
  const previous = broker;
  broker = slow;
  try {
    const answer = await raw(`POST /v1/topics/slow/events HTTP/1.1\r\n${head}content-length: 100\r\n\r\nhalf`);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('request-timeout');
  } finally {
    broker = previous;
    await slow.close();
  }
});

test('an unexpected failure is one problem for the caller and one line with the cause for the operator', async () => {
  const broken = await testBroker();
  try {
    await broken.database.pool.query('alter table topics rename column retention_days to lost');
    const answer = await broken.call<{ instance: string }>('GET', '/v1/topics');
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal-error' } });
    expect(answer.text).not.toMatch(/retention_days|column|select/i);
    const line = broken.lines.find((one) => one.includes('request.failed')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      requestId: answer.body.instance,
      err: { type: 'QueryFailedError' },
    });
  } finally {
    await broken.close();
  }
});

test('requests on one connection are answered one after the other', async () => {
  const line = `GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n`;
  const { port } = broker.app.getHttpServer().address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.write(line.repeat(5));
  await until(() => text.split('{"status":"live"}').length === 6, { what: 'five answers' });
  socket.destroy();
  await pause(0);
});
