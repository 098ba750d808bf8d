import { OpenAnswers } from '../../apps/broker/src/auth/open-answers.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { pageLogin, type PageLogin } from '../support/page-login.js';

let now = new Date();
let broker: TestBroker;
let somebody: PageLogin;
beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now }, settings: { HOOKCAST_MAX_CLOCK_SKEW_MS: '300000' } });
  await broker.call('PUT', '/v1/subscriptions/shown', { topics: ['shown.x'], url: 'http://127.0.0.1:3000/' });
});
beforeEach(async () => {
  now = new Date();
  somebody = await pageLogin(broker, adminKey);
});
afterAll(async () => {
  await broker?.close();
});

const asked = async (method: string, path: string, headers: Record<string, string>, body?: object) =>
  broker.call<{ detail: string; items: unknown[] }>(method, path, body, { authorization: undefined, headers });

test('the page uses the API with its cookie and the proof that it was handed', async () => {
  const { cookie, csrf, headers } = somebody;
  expect((await asked('GET', '/v1/overview', headers)).status).toBe(200);
  expect((await asked('POST', '/v1/subscriptions/shown/pause', headers)).status).toBe(200);
  const { text } = await broker.call('GET', '/v1/audit?action=subscription.pause');
  expect(JSON.parse(text)).toMatchObject({ items: [{ actor: { keyId: 'admin' }, outcome: 'done' }] });
  for (const wrong of [{ cookie }, { 'hookcast-csrf': csrf }, { cookie, 'hookcast-csrf': `${csrf.slice(1)}A` }])
    for (const [method, path] of [
      ['GET', '/v1/overview'],
      ['POST', '/v1/subscriptions/shown/resume'],
    ] as const)
      expect(
        (await asked(method, path, wrong as Record<string, string>, method === 'POST' ? {} : undefined)).status,
      ).toBe(401);
});

test('another site may not use it, whatever it knows', async () => {
  for (const foreign of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
    expect((await asked('GET', '/v1/topics', { ...somebody.headers, ...foreign })).status).toBe(403);
});

test('a page that refreshes itself does not keep a session alive, somebody who uses it does', async () => {
  const start = Date.now();
  const at = async (minutes: number, more: Record<string, string>) => {
    now = new Date(start + minutes * 60_000);
    return (await asked('GET', '/v1/topics', { ...somebody.headers, ...more })).status;
  };
  const alone = { 'hookcast-unattended': 'true' };
  expect([await at(20, {}), await at(45, alone), await at(49, alone), await at(51, alone)]).toEqual([
    200, 200, 200, 401,
  ]);
});

test('a stream that the page follows goes on with its session and ends with it', async () => {
  const answers = broker.app.get(OpenAnswers, { strict: false });
  const abort = new AbortController();
  const stream = await fetch(`${broker.url}/v1/live`, { headers: somebody.headers, signal: abort.signal });
  expect(await answers.runOnce()).toEqual({ ended: 0 });
  const body = new URLSearchParams({ csrf: somebody.csrf });
  await fetch(`${broker.url}/session/end`, {
    method: 'POST',
    redirect: 'manual',
    body,
    headers: { cookie: somebody.cookie },
  });
  await expect(stream.text()).rejects.toThrow('terminated');
  abort.abort();
});

test('what the page may do is what its key may do', async () => {
  const made = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
  const { headers } = await pageLogin(broker, made.body.key);
  expect((await asked('GET', '/v1/subscriptions', headers)).status).toBe(200);
  expect(await asked('GET', '/v1/audit', headers)).toMatchObject({
    status: 403,
    body: { detail: 'This needs the scope "admin".' },
  });
});
