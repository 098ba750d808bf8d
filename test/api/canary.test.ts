import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { adminKey, encryptionKey, testBroker, type Answer, type TestBroker } from '../support/app.js';
import { canary, foundIn, listenTo, tables } from '../support/canaries.js';
import { createAuthority } from '../support/certificates.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

/*
 * Secrets that can be recognised go through everything that takes one; afterwards they are looked for in all that was
 * written down or answered. What is shown once to whoever makes it is asked for here apart from the rest.
 */
const [nextKey, authority] = [randomBytes(32).toString('base64'), createAuthority()];
const client = authority.issue({ names: ['bus'] });
const secrets: Record<string, string> = {
  admin: adminKey,
  password: canary('password'),
  bearer: canary('bearer'),
  clientSecret: canary('client'),
  accessToken: canary('access'),
  source: canary('source'),
  wrongKey: canary('wrong'),
  mistypedSecret: canary('mistyped'),
  signing: randomBytes(32).toString('base64'),
  encryption: encryptionKey.toString('base64'),
  nextEncryption: nextKey,
  // A line out of the middle of the PEM.
  tlsKey: client.key.split('\n')[1] ?? '',
};
/** Stored as it is, since the bus has to hand it on; but never in logs, errors, metrics or the audit log. */
const payload = canary('payload');
const query = canary('query');
const header = canary('header');

let broker: TestBroker;
let hooks: HookServer;
let tokens: HookServer;
/** Wants a client certificate. */
let mutual: Server;
const certified: boolean[] = [];
const streams: Record<string, ReturnType<typeof listenTo>> = {};
const answers: string[] = [];
beforeAll(async () => {
  [hooks, tokens] = await Promise.all([hookServer(), hookServer()]);
  mutual = createServer(
    { ...authority.issue({ addresses: ['127.0.0.1'] }), ca: authority.cert, requestCert: true },
    (request, response) => {
      certified.push((request.socket as TLSSocket).authorized);
      response.writeHead(204).end();
    },
  ).listen(0, '127.0.0.1');
  await once(mutual, 'listening');
  broker = await testBroker({
    settings: {
      HOOKCAST_ROLE: 'all',
      HOOKCAST_FAILED_KEYS_PER_MINUTE: '2',
      HOOKCAST_ENCRYPTION_KEY_PREVIOUS: nextKey,
    },
  });
  hooks.respondWith(({ url }) => (url.startsWith('/bad') ? 404 : 204));
  tokens.respondWith(() => ({
    status: 200,
    body: JSON.stringify({ access_token: secrets['accessToken'], token_type: 'Bearer', expires_in: 3600 }),
  }));
  await play();
});
afterAll(async () => {
  await Promise.all(Object.values(streams).map(async (stream) => stream.close()));
  await broker?.close();
  mutual?.close();
  mutual?.closeAllConnections();
  await Promise.all([hooks?.close(), tokens?.close()]);
});

/** Asks, and keeps the answer for the search. */
async function ask(method: string, path: string, body?: unknown, authorization?: string): Promise<Answer<unknown>> {
  const answer = await broker.call(method, path, body, authorization === undefined ? {} : { authorization });
  answers.push(`${method} ${path}: ${answer.text} ${JSON.stringify([...answer.headers])}`);
  return answer;
}

/** Asks for what is shown once. */
async function make<T>(method: string, path: string, body: unknown): Promise<T> {
  const answer = await broker.call<T>(method, path, body);
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

async function login(key: string): Promise<string> {
  const response = await fetch(`${broker.url}/session`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ key }),
  });
  answers.push(await response.text(), response.headers.get('location') ?? '');
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

async function play(): Promise<void> {
  await declareHooks();
  await makeKeys();
  for (const path of ['/v1/live', '/v1/topics/canary.x/stream']) {
    streams[path] = listenTo(`${broker.url}${path}`, `Bearer ${adminKey}`);
    await streams[path].opened;
  }
  await receive();
  await publish();
  await makeMistakes();
  await rotate();
}

async function declareHooks(): Promise<void> {
  const auths = {
    basic: { type: 'basic', username: 'bus', password: secrets['password'] },
    bearer: { type: 'bearer', token: secrets['bearer'] },
    oauth: { type: 'oauth2', tokenUrl: `${tokens.url}/token`, clientId: 'bus', clientSecret: secrets['clientSecret'] },
  };
  for (const [name, auth] of Object.entries(auths)) {
    await make('PUT', `/v1/subscriptions/${name}`, {
      topics: ['canary.x'],
      url: `${hooks.url}/${name === 'basic' ? 'bad' : 'good'}?token=${query}`,
      auth,
      headers: { 'x-canary': header },
      nonRetryable: [404],
      ...(name === 'basic' && { secret: `whsec_${secrets['signing']}` }),
    });
  }
  const url = `https://127.0.0.1:${(mutual.address() as AddressInfo).port}/?token=${query}`;
  const tls = { ca: authority.cert, cert: client.cert, key: client.key };
  await make('PUT', '/v1/subscriptions/mutual', { topics: ['canary.x'], url, tls });
  // Does not trust the hook: what fails is written down.
  await make('PUT', '/v1/subscriptions/distrusting', {
    topics: ['canary.x'],
    url,
    tls: { ...tls, ca: createAuthority().cert },
  });
  const { secret } = await make<{ secret: string }>('POST', '/v1/subscriptions/bearer/rotate-secret', {});
  secrets['rotatedSigning'] = secret.replace('whsec_', '');
}

async function makeKeys(): Promise<void> {
  const made = await make<{ id: string; key: string }>('POST', '/v1/keys', { name: 'k', scopes: ['read'] });
  const rotated = await make<{ key: string }>('POST', `/v1/keys/${made.id}/rotate`, { graceSeconds: 60 });
  Object.assign(secrets, { key: made.key, rotatedKey: rotated.key });
  const cookie = await login(rotated.key);
  secrets['cookie'] = cookie.split('=')[1] ?? '';
  const page = await (await fetch(`${broker.url}/`, { headers: { cookie } })).text();
  // The one place where it belongs.
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
  secrets['csrf'] = csrf;
  answers.push(page.replace(csrf, ''));
  await logout(cookie, `${csrf.slice(0, -1)}-`);
  await logout(await login(rotated.key), csrf);
  await logout(cookie, csrf);
}

async function logout(cookie: string, csrf: string): Promise<void> {
  const body = new URLSearchParams({ csrf });
  const response = await fetch(`${broker.url}/session/end`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    body,
  });
  answers.push(await response.text(), JSON.stringify([...response.headers]));
}

async function receive(): Promise<void> {
  const source = await make<{ url: string }>('PUT', '/v1/sources/hub', { sender: 'github', secret: secrets['source'] });
  const { pathname } = new URL(source.url);
  secrets['sourceToken'] = pathname.split('/').at(-1) ?? '';
  await ask('POST', '/v1/sources/hub/capture', {});
  const body = JSON.stringify({ zen: payload });
  for (const secret of [secrets['source'] ?? '', 'another'])
    await fetch(`${broker.url}${pathname}`, {
      method: 'POST',
      body,
      headers: {
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        'x-github-delivery': secret.slice(0, 3),
        'x-github-event': 'push',
      },
    });
}

async function publish(): Promise<void> {
  await broker.publish('canary.x', { a: payload });
  await until(() => hooks.requests.length >= 3 && certified.length > 0, { what: 'the deliveries' });
  await until(async () => (await ask('GET', '/v1/dead-letters')).text.includes('"basic"'), { what: 'the dead letter' });
  for (const name of ['basic', 'bearer', 'oauth', 'mutual', 'distrusting'])
    await ask('POST', `/v1/subscriptions/${name}/test`, {});
}

/** Every secret where it does not belong. */
async function makeMistakes(): Promise<void> {
  await ask('GET', '/v1/topics', undefined, `Bearer ${secrets['wrongKey']}`);
  await ask('GET', '/v1/topics', undefined, `Basic ${secrets['wrongKey']}`);
  await ask('GET', '/v1/topics', undefined, `Bearer ${(secrets['key'] ?? '').slice(0, -1)}`);
  for (let turn = 0; turn < 4; turn += 1) await login(secrets['wrongKey'] ?? '');
  const body = { topics: ['a'], url: hooks.url };
  const wrong = secrets['mistypedSecret'];
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, secret: wrong });
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, auth: { type: 'basic', username: 'a:b', password: wrong } });
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, auth: { type: 'bearer', token: `${wrong}\n` } });
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, headers: { 'webhook-signature': wrong } });
  const other = { cert: createAuthority().cert, key: client.key };
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, tls: other });
  await ask('PUT', '/v1/subscriptions/wrong', {
    ...body,
    tls: { ...other, key: `${client.key}${wrong}`, extra: wrong },
  });
  await ask('PUT', '/v1/subscriptions/wrong', { ...body, headers: { authorization: `Bearer ${wrong}` } });
  await ask('PUT', '/v1/sources/wrong', { sender: 'github', secret: { is: wrong } });
  await ask('PUT', '/v1/subscriptions/wrong', `{"secret": "${wrong}" `);
}

/** Seals everything with the other key. What the program says is part of the log. */
async function rotate(): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: broker.database.url,
    HOOKCAST_LOG_LEVEL: 'trace',
    HOOKCAST_ENCRYPTION_KEY: nextKey,
    HOOKCAST_ENCRYPTION_KEY_PREVIOUS: encryptionKey.toString('base64'),
  };
  const program = fileURLToPath(new URL('../../apps/broker/dist/rotate-key.js', import.meta.url));
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [program], { env }, (error, out, err) => (error ? reject(error) : resolve(out + err)));
  });
  expect(/"resealed":(\d+)/.exec(output.split('key-rotation.done')[0] ?? '')?.[1]).not.toBe('0');
  broker.lines.push(output);
}

const carried = { payload, query, header };

test('every secret was used, so that there is something to find', () => {
  expect(Object.values(secrets).every((secret) => secret.length > 10)).toBe(true);
  const sent = JSON.stringify(hooks.requests.map(({ headers }) => headers));
  const basic = Buffer.from(`bus:${secrets['password']}`).toString('base64');
  for (const text of [basic, secrets['bearer'], secrets['accessToken'], header]) expect(sent).toContain(text);
  expect(JSON.stringify(hooks.requests.map(({ url }) => url))).toContain(query);
  expect(certified).toContain(true);
  expect(broker.lines.join('')).toContain('key-rotation.done');
  expect(
    foundIn(tokens.requests.map(({ headers }) => atob(headers.authorization?.split(' ')[1] ?? '')).join(), secrets),
  ).toEqual(['clientSecret']);
});

test('no secret, payload, header or query string is in a line of the log, at the level trace', () => {
  expect(broker.lines.length).toBeGreaterThan(10);
  expect(foundIn(broker.lines.join(''), { ...secrets, ...carried })).toEqual([]);
});

test('no secret is in a row of a table, and what is handed on only where it is kept for that', async () => {
  const found = await tables(broker.database.pool);
  expect(found.size).toBeGreaterThan(15);
  const leaks: string[] = [];
  for (const [table, text] of found) for (const name of foundIn(text, secrets)) leaks.push(`${name} in ${table}`);
  expect(leaks).toEqual([]);
  const keeping = (name: keyof typeof carried) =>
    [...found]
      .filter(([, text]) => foundIn(text, { it: carried[name] }).length > 0)
      .map(([table]) => table)
      .toSorted();
  expect({ payload: keeping('payload'), query: keeping('query'), header: keeping('header') }).toEqual({
    payload: ['dead_letters', 'events', 'source_captures'],
    query: ['subscriptions'],
    header: ['subscriptions'],
  });
});

test('no answer repeats a secret, and errors, metrics, the page and the audit log nothing that is handed on either', async () => {
  const kept = ['/v1/subscriptions', '/v1/subscriptions/basic', '/v1/sources', '/v1/sources/hub', '/v1/keys'];
  for (const path of kept) await ask('GET', path);
  for (const path of ['/v1/dead-letters', '/v1/dead-letters/groups', '/v1/subscriptions/basic/deliveries'])
    await ask('GET', path);
  for (const path of ['/v1/sources/hub/receptions', '/v1/sources/hub/captures', '/v1/overview', '/v1/workers'])
    await ask('GET', path);
  for (const path of ['/v1/map', '/v1/map?format=asyncapi', '/v1/operations', '/v1/subscriptions/mutual/deliveries'])
    await ask('GET', path);
  // The address of a source is what its sender is given, and an admin may look it up.
  const events = await ask('GET', '/v1/topics/canary.x/events');
  const { id } = (events.body as { items: { id: string }[] }).items[0] ?? { id: '' };
  const log = [
    events,
    await ask('GET', `/v1/events/${id}`),
    await ask('GET', `/v1/subscriptions/basic/deliveries/${id}`),
  ];
  answers.push(...Object.entries(streams).map(([path, stream]) => `${path}: ${stream.text()}`));
  const { sourceToken, ...others } = secrets;
  expect(sourceToken).toBeDefined();
  expect(
    answers
      .filter((text) => foundIn(text, others).length > 0)
      .map((text) => [text.slice(0, 300), foundIn(text, others)]),
  ).toEqual([]);
  const bare = [];
  for (const path of ['/v1/audit?limit=200', '/metrics', '/', '/openapi.json', '/health/ready', '/v1/overview'])
    bare.push(await ask('GET', path));
  for (const { text } of bare) expect(foundIn(text, { ...secrets, ...carried })).toEqual([]);
  for (const { text } of log) expect(foundIn(text, { query, header })).toEqual([]);
});

test('a live stream tells what happens and no data; the stream of a topic its events and nothing of its hooks', async () => {
  const text = (path: string) => streams[path]?.text() ?? '';
  await ask('POST', '/v1/subscriptions/mutual/pause', {});
  await until(() => text('/v1/live').includes('mutual'), { what: 'the news' });
  expect(text('/v1/live')).toContain('canary.x');
  expect(foundIn(text('/v1/live'), { ...secrets, ...carried })).toEqual([]);
  expect(foundIn(text('/v1/topics/canary.x/stream'), { ...secrets, ...carried })).toEqual(['payload']);
});
