import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { pageLogin } from '../support/page-login.js';
import { until } from '../support/until.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const documentation = ['/docs', '/openapi.json', '/docs/swagger-ui-init.js', '/docs/swagger-ui.css'];
const others = ['/docs/', '/docs/index.html', '/docs/docs/swagger-ui-init.js', '/DOCS', '/OpenAPI.json/', '/docs/none'];
const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(`${broker.url}${path}`, { method, headers, redirect: 'manual' });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, location: response.headers.get('location') };
}

async function makeKey(scopes: string[], more: object = {}): Promise<{ id: string; key: string }> {
  return (await broker.call<{ id: string; key: string }>('POST', '/v1/keys', { name: 'k', scopes, ...more })).body;
}

test.each([...documentation, ...others])('nobody sees %s without a key', async (path) => {
  const wrong = { authorization: `Bearer ${adminKey}x` };
  for (const headers of [{}, wrong, { ...wrong, ...browser }, { cookie: `hookcast=${'x'.repeat(43)}` }])
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const answer = await get(path, headers, method);
      expect([method, answer.status]).toEqual([method, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="hookcast"');
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    }
});

test.each(['publish:a', 'subscribe:a', 'read', 'admin'])('a key with the scope %s sees all of it', async (scope) => {
  const { key } = await makeKey([scope], { namespace: `docs-${scope.slice(0, 4)}` });
  for (const path of documentation) {
    const answer = await get(path, { authorization: `Bearer ${key}` });
    expect([path, answer.status]).toEqual([path, 200]);
    expect(answer.headers.get('cache-control')).toBe('private, no-cache');
  }
});

test('what it shows is taken from the quota of the key', async () => {
  const { key } = await makeKey(['read']);
  const { headers } = await get('/openapi.json', { authorization: `Bearer ${key}` });
  expect(headers.get('ratelimit')).toMatch(/^"key";r=\d+/);
});

test('in a browser the session of the page is enough, until it ends', async () => {
  const { id, key } = await makeKey(['read']);
  const { cookie } = await pageLogin(broker, key);
  for (const path of documentation) expect([path, (await get(path, { cookie })).status]).toEqual([path, 200]);
  expect((await get('/docs', { cookie, authorization: 'Bearer wrong' })).status).toBe(401);
  await broker.call('DELETE', `/v1/keys/${id}`);
  await until(async () => (await get('/docs', { cookie })).status === 401, { what: 'the session to end' });
});

test('a cookie without its proof opens nothing else', async () => {
  const { cookie } = await pageLogin(broker, adminKey);
  for (const path of ['/v1/topics', '/v1/keys', '/metrics'])
    expect([path, (await get(path, { cookie })).status]).toEqual([path, 401]);
});

test.each([
  ['/docs', './'],
  ['/docs?x=//evil.example/', './'],
  ['/openapi.json', './'],
  ['/docs/', '../'],
  ['/docs/docs/index.html', '../../'],
])('a browser that opens %s without a session is led to the login at %s', async (path, location) => {
  expect(await get(path, browser)).toMatchObject({ status: 303, location });
  expect(new URL(location, `${broker.url}${path}`).href).toBe(`${broker.url}/`);
  expect((await get(path, browser, 'POST')).status).toBe(401);
});

test('the audit log is told of strangers who ask for the documentation', async () => {
  await get('/docs', { authorization: 'Bearer wrong' });
  const told = async () =>
    (await broker.call<{ items: { outcome: string; action: string }[] }>('GET', '/v1/audit?action=authenticate')).body
      .items;
  await until(async () => (await told()).length > 0, { what: 'the refusal to be told' });
});
