import { createServer as createTlsServer } from 'node:https';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { testBroker, type TestBroker } from '../support/app.js';
import { createAuthority } from '../support/certificates.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hooks: HookServer;
let tokens: HookServer;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
});
beforeEach(async () => {
  [hooks, tokens] = await Promise.all([hookServer(), hookServer()]);
});
afterEach(async () => {
  await Promise.all([hooks.close(), tokens.close()]);
});
afterAll(async () => {
  await broker?.close();
});

interface Shown {
  auth: object | null;
  tls: object | null;
  updatedAt: string;
}
const put = async (name: string, fields: object, at = broker) =>
  at.call<Shown & { errors: unknown }>('PUT', `/v1/subscriptions/${name}`, {
    topics: [`${name}.x`],
    url: hooks.url,
    ...fields,
  });
const tried = async (name: string, at = broker) =>
  at.call<{ status: number | null; error: string | null }>('POST', `/v1/subscriptions/${name}/test`, {});
const received = () => hooks.requests.map(({ headers }) => headers.authorization);
const granted = (token: string, more: object = {}) => ({
  status: 200,
  body: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600, ...more }),
});
const oauth2 = (fields: object = {}) => ({
  auth: {
    type: 'oauth2',
    tokenUrl: `${tokens.url}/token`,
    clientId: 'me:too',
    clientSecret: 'oauth-geheim%',
    ...fields,
  },
});

test('basic and bearer credentials go to the hook, are not shown again, and the same body changes nothing', async () => {
  const basic = { auth: { type: 'basic', username: 'bus', password: 'geheim-é' } };
  const made = await put('basic', basic);
  expect(made.status).toBe(201);
  expect(made.body.auth).toEqual({ type: 'basic', username: 'bus' });
  const again = await put('basic', basic);
  expect([again.status, again.body.updatedAt]).toEqual([200, made.body.updatedAt]);
  expect((await tried('basic')).body.status).toBe(204);
  const bearer = await put('basic', { auth: { type: 'bearer', token: 'a-long-bearer-token-1234' } });
  expect(bearer.body.auth).toEqual({ type: 'bearer', tokenHint: '…1234' });
  await tried('basic');
  expect((await put('basic', {})).body.auth).toBeNull();
  await tried('basic');
  expect(received()).toEqual([
    `Basic ${Buffer.from('bus:geheim-é').toString('base64')}`,
    'Bearer a-long-bearer-token-1234',
    undefined,
  ]);
  const { rows } = await broker.database.pool.query('select auth::text, headers::text from subscriptions');
  expect(JSON.stringify(rows)).not.toMatch(/geheim|a-long-bearer/);
});

test('a token of an OAuth2 endpoint is fetched once for many deliveries, and again when the hook refuses it', async () => {
  tokens.answer(granted('token-1'), granted('token-2'));
  hooks.respondWith(({ headers }) => (headers.authorization === `Bearer ${current}` ? 204 : 401));
  let current = 'token-1';
  const made = await put('oauth', oauth2({ scope: 'hooks write' }));
  expect(made.body.auth).toEqual({
    type: 'oauth2',
    tokenUrl: `${tokens.url}/token`,
    clientId: 'me:too',
    scope: 'hooks write',
  });
  for (let index = 0; index < 20; index += 1) await broker.publish('oauth.x', { index });
  await until(() => hooks.requests.length >= 20, { what: 'the deliveries' });
  expect(tokens.requests).toHaveLength(1);
  const [asked] = tokens.requests;
  expect(asked?.body.toString()).toBe('grant_type=client_credentials&scope=hooks+write');
  expect(asked?.headers.authorization).toBe(`Basic ${Buffer.from('me%3Atoo:oauth-geheim%25').toString('base64')}`);
  current = 'token-2';
  expect((await tried('oauth')).body.status).toBe(204);
  expect(received().slice(-2)).toEqual(['Bearer token-1', 'Bearer token-2']);
  current = 'nobody knows';
  tokens.answer(granted('token-3'));
  expect((await tried('oauth')).body.status).toBe(401);
  expect(tokens.requests).toHaveLength(3);
  expect(broker.lines.join('')).not.toMatch(/geheim|token-\d/);
});

test.each([
  [{ status: 401, body: '{"error":"invalid_client"}' }, 'token: The token endpoint answered 401 (invalid_client).'],
  [{ status: 400, body: '{"error":"oauth-geheim%"}' }, 'token: The token endpoint answered 400.'],
  [{ status: 302, headers: { location: 'http://169.254.169.254/' } }, 'token: The token endpoint answered 302.'],
  [{ status: 200, body: '[]' }, 'token: The token endpoint answered without an access token that can be sent.'],
  [granted('a\r\nb'), 'token: The token endpoint answered without an access token that can be sent.'],
  [granted('x', { token_type: 'mac' }), 'token: The token endpoint answered with a token that is not a bearer token.'],
  [{ reset: true }, 'token: The token endpoint could not be asked (reset).'],
])('without a token nothing is sent, and the attempt says why: %j', async (answer, error) => {
  tokens.respondWith(() => answer);
  await put('denied', oauth2());
  expect((await tried('denied')).body).toMatchObject({ status: null, error });
  expect(hooks.requests).toEqual([]);
  await broker.call('DELETE', '/v1/subscriptions/denied');
});

test('a token endpoint is held to the same address rules as a hook', async () => {
  const refused = await put('internal', oauth2({ tokenUrl: 'http://169.254.169.254/token' }));
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/auth/tokenUrl' }] } });
});

test.each([
  [{ auth: { type: 'digest' } }, '/auth/type'],
  [{ auth: { type: 'basic', username: 'a:b', password: 'c' } }, '/auth/username'],
  [{ auth: { type: 'basic', username: 'a' } }, '/auth/password'],
  [{ auth: { type: 'bearer', token: 'a b' } }, '/auth/token'],
  [{ auth: { type: 'bearer', token: 'a', password: 'b' } }, '/auth/password'],
  [{ headers: { Authorization: 'Bearer x' } }, '/headers/Authorization'],
  [{ auth: 'Bearer x' }, '/auth'],
  [{ tls: { ca: 'no certificate' } }, '/tls/ca'],
  [{ tls: { cert: createAuthority().cert } }, '/tls/key'],
  [{ tls: { cert: createAuthority('a').cert, key: createAuthority('b').key } }, '/tls/key'],
])('%j is refused', async (fields, pointer) => {
  const answer = await put('refused', fields);
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toContainEqual(expect.objectContaining({ pointer }));
});

test('a hook with a private authority that wants a client certificate is reached with both', async () => {
  const authority = createAuthority();
  const client = authority.issue({ names: ['bus'] });
  const server = createTlsServer(
    {
      ...authority.issue({ addresses: ['127.0.0.1'] }),
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_, response) => response.writeHead(204).end(),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await put('tls', { url });
    expect((await tried('tls')).body.error).toMatch(/^tls: /);
    const material = { ca: authority.cert, cert: client.cert, key: client.key };
    const made = await put('tls', { url, tls: material });
    expect(made.body.tls).toEqual({ hasCa: true, hasCert: true, certExpiresAt: expect.any(String) });
    expect((await put('tls', { url, tls: material })).body.updatedAt).toBe(made.body.updatedAt);
    expect((await tried('tls')).body).toMatchObject({ status: 204, error: null });
    expect(made.text).not.toContain('PRIVATE KEY');
    const { rows } = await broker.database.pool.query(`select tls::text from subscriptions where name = 'tls'`);
    expect(JSON.stringify(rows)).not.toContain('PRIVATE KEY');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a name that leads to a forbidden address is refused when it is declared, one that leads nowhere yet is not', async () => {
  const strict = await testBroker({ settings: { HOOKCAST_EGRESS_ALLOW: '10.0.0.0/8' } });
  try {
    const refused = await put('strict', { url: 'http://localhost:3000/' }, strict);
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'hook-address-forbidden', errors: [{ pointer: '/url' }] },
    });
    const service = { subscriptions: [{ name: 'strict', topics: ['a'], url: 'http://localhost:3000/' }] };
    const declared = await strict.call('PUT', '/v1/services/billing', service);
    expect(declared).toMatchObject({ status: 422, body: { errors: [{ pointer: '/subscriptions/0/url' }] } });
    expect((await put('strict', { url: 'http://no-such-name.invalid/' }, strict)).status).toBe(201);
  } finally {
    await strict.close();
  }
});

test('all requests go through the forward proxy, if there is one', async () => {
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.once('data', (head) => {
      asked.push(String(head));
      const [, host = '', port = ''] = /^CONNECT ([^:]+):(\d+) /.exec(String(head)) ?? [];
      const target = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      socket.pipe(target).pipe(socket);
      for (const end of [socket, target]) end.on('error', () => end.destroy());
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = `http://user:proxy-geheim@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const proxied = await testBroker({ settings: { HOOKCAST_EGRESS_PROXY: url } });
  try {
    await put('proxied', {}, proxied);
    expect((await tried('proxied', proxied)).body.status).toBe(204);
    expect(asked).toEqual([expect.stringMatching(new RegExp(`^CONNECT ${new URL(hooks.url).host} HTTP/1.1`))]);
    expect(asked[0]).toContain(`proxy-authorization: Basic ${Buffer.from('user:proxy-geheim').toString('base64')}`);
    expect(proxied.lines.join('')).not.toContain('geheim');
  } finally {
    await proxied.close();
    proxy.close();
  }
});
