import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let now = new Date();
let broker: TestBroker;
let hooks: HookServer;
beforeAll(async () => {
  hooks = await hookServer();
  broker = await testBroker({ clock: { now: () => now }, settings: { HOOKCAST_MAX_CLOCK_SKEW_MS: '300000' } });
  await broker.call('PUT', '/v1/subscriptions/shown', {
    topics: ['shown.x'],
    url: `${hooks.url}/hook?token=query-geheim`,
    headers: { 'x-a': 'b' },
  });
});
beforeEach(() => {
  now = new Date();
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };

async function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}, at = broker) {
  const body = new URLSearchParams(fields).toString();
  const response = await fetch(`${at.url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    body,
    headers: { ...form, ...headers },
  });
  const [cookie = ''] = response.headers.getSetCookie();
  return { status: response.status, location: response.headers.get('location'), cookie, text: await response.text() };
}

async function page(cookie: string, at = broker): Promise<{ text: string; headers: Headers; csrf: string }> {
  const response = await fetch(`${at.url}/`, { headers: cookie === '' ? {} : { cookie } });
  const text = await response.text();
  return { text, headers: response.headers, csrf: /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '' };
}

const pairOf = (cookie: string) => cookie.split(';')[0] ?? '';
const isIn = ({ text }: { text: string }) => text.includes('Logged in with the key');

async function makeKey(scopes: string[] = ['read']): Promise<{ id: string; key: string }> {
  return (await broker.call<{ id: string; key: string }>('POST', '/v1/keys', { name: 'page <b>', scopes })).body;
}

async function login(key: string): Promise<string> {
  const { status, cookie } = await post('/session', { key });
  expect(status).toBe(303);
  return pairOf(cookie);
}

test('with a key somebody logs in, gets the page, and logs out', async () => {
  const { key } = await makeKey();
  const begun = await post('/session', { key }, { origin: broker.url, 'sec-fetch-site': 'same-origin' });
  expect(begun).toMatchObject({ status: 303, location: './' });
  expect(begun.cookie).toMatch(/^hookcast=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  const cookie = pairOf(begun.cookie);
  const seen = await page(cookie);
  expect(isIn(seen)).toBe(true);
  expect(seen.text).toContain('page &#60;b&#62;');
  expect(seen.text).not.toMatch(/query-geheim|<script>|<script(?! type="module" src="assets\/)|style=|\son\w+=/);
  expect(seen.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  );
  expect(seen.headers.get('x-content-type-options')).toBe('nosniff');
  expect(seen.headers.get('x-frame-options')).toBe('DENY');
  expect(seen.headers.get('cache-control')).toBe('no-store');
  const ended = await post('/session/end', { csrf: seen.csrf }, { cookie, origin: broker.url });
  expect(ended).toMatchObject({ status: 303, location: '../', cookie: expect.stringContaining('Max-Age=0') });
  expect(isIn(await page(cookie))).toBe(false);
});

test('another site can neither log in nor log out, and a cookie alone changes nothing', async () => {
  const { key } = await makeKey();
  for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }])
    expect(await post('/session', { key }, headers as Record<string, string>)).toMatchObject({
      status: 403,
      cookie: '',
    });
  const cookie = await login(key);
  const { csrf } = await page(cookie);
  expect((await post('/session/end', { csrf }, { cookie, origin: 'http://evil.example' })).status).toBe(403);
  expect((await post('/session/end', {}, { cookie })).status).toBe(403);
  expect((await post('/session/end', { csrf: `${csrf}x` }, { cookie })).status).toBe(403);
  expect(isIn(await page(cookie))).toBe(true);
  for (const path of ['/v1/topics', '/v1/overview'])
    expect((await broker.call('GET', path, undefined, { authorization: undefined, headers: { cookie } })).status).toBe(
      401,
    );
});

test('a session ends when nobody uses it, and in any case after its hours', async () => {
  const start = Date.now();
  const cookie = await login((await makeKey()).key);
  now = new Date(start + 29 * 60_000);
  expect(isIn(await page(cookie))).toBe(true);
  now = new Date(start + 58 * 60_000);
  expect(isIn(await page(cookie))).toBe(true);
  now = new Date(start + 89 * 60_000);
  expect(isIn(await page(cookie))).toBe(false);
  now = new Date(start);
  const other = await login((await makeKey()).key);
  for (let minutes = 25; minutes < 12 * 60; minutes += 25) {
    now = new Date(start + minutes * 60_000);
    expect(isIn(await page(other))).toBe(true);
  }
  now = new Date(start + 12 * 3_600_000 + 1000);
  expect(isIn(await page(other))).toBe(false);
});

test('a session dies with its key, in every process', async () => {
  const { id, key } = await makeKey();
  const cookie = await login(key);
  const twin = await testBroker({ database: broker.database });
  try {
    expect(isIn(await page(cookie, twin))).toBe(true);
    await broker.call('DELETE', `/v1/keys/${id}`);
    const began = performance.now();
    for (const at of [broker, twin])
      await until(async () => !isIn(await page(cookie, at)), { what: 'the session to end' });
    // Within 5 s, and what a busy machine adds.
    expect(performance.now() - began).toBeLessThan(15_000);
  } finally {
    await twin.close();
  }
});

test('a rotation that leaves no grace ends the sessions of the old key', async () => {
  const { id, key } = await makeKey();
  const cookie = await login(key);
  await broker.call('POST', `/v1/keys/${id}/rotate`, { graceSeconds: 0 });
  await until(async () => !isIn(await page(cookie)), { what: 'the session to end' });
});

test('a key that may not read gets in, and hears from the API which scope it lacks', async () => {
  const cookie = await login((await makeKey(['publish:a'])).key);
  const seen = await page(cookie);
  expect(seen.text).not.toContain('shown');
  const headers = { cookie, 'hookcast-csrf': seen.csrf };
  const refused = await broker.call('GET', '/v1/overview', undefined, { authorization: undefined, headers });
  expect(refused).toMatchObject({ status: 403, body: { detail: 'This needs the scope "read".' } });
});

test('a wrong key is refused, told to the audit log, and too many of them make the address wait', async () => {
  const strict = await testBroker({ settings: { HOOKCAST_FAILED_KEYS_PER_MINUTE: '3' } });
  try {
    for (let turn = 0; turn < 4; turn += 1)
      expect(await post('/session', { key: `wrong-${turn}` }, {}, strict)).toMatchObject({
        status: 303,
        location: './?wrong-key',
        cookie: '',
      });
    const blocked = await post('/session', { key: 'wrong' }, {}, strict);
    expect(blocked.status).toBe(429);
    expect(blocked.text).toContain('too-many-failures');
    expect((await strict.call('GET', '/v1/topics')).status).toBe(200);
    expect(strict.lines.join('')).not.toContain('wrong-1');
  } finally {
    await strict.close();
  }
});

test('of a session the database has only hashes', async () => {
  const cookie = await login((await makeKey()).key);
  const { rows } = await broker.database.pool.query('select * from page_sessions');
  const text = JSON.stringify(
    rows.map((row) =>
      Object.values(row as object).map((value) => (Buffer.isBuffer(value) ? value.toString('base64url') : value)),
    ),
  );
  expect(text).not.toContain(cookie.slice('hookcast='.length));
});

test('where there is TLS the cookie has the prefix of the host and is for TLS only', async () => {
  const secure = await testBroker({ settings: { HOOKCAST_PUBLIC_URL: 'https://bus.example' } });
  try {
    const { key } = (await secure.call<{ key: string }>('POST', '/v1/keys', { name: 'k', scopes: ['read'] })).body;
    const { cookie } = await post('/session', { key }, {}, secure);
    expect(cookie).toMatch(/^__Host-hookcast=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    expect(isIn(await page(pairOf(cookie), secure))).toBe(true);
  } finally {
    await secure.close();
  }
});
