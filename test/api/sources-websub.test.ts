import { createHmac } from 'node:crypto';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer, type ReceivedRequest } from '../support/hook-server.js';
import { until } from '../support/until.js';
import { WebSubService } from '../../apps/broker/src/sources/websub.service.js';

interface SourceBody {
  url: string;
  websub: {
    state: string;
    topic: string;
    hub: string;
    leasedUntil: string | null;
    renewAt: string | null;
    lastError: string | null;
  } | null;
}

const start = new Date('2026-11-20T12:00:00Z');
let now = start;
let broker: TestBroker;
let hub: HookServer;

beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now } });
  hub = await hookServer();
});
afterAll(async () => {
  await broker?.close();
  await hub?.close();
});
beforeEach(() => {
  now = start;
  hub.requests.length = 0;
  hub.respondWith(answer);
});

/** The topic page names its hub and its own canonical address; the hub takes what it is asked. */
function answer(request: ReceivedRequest) {
  if (request.url === '/hub') return 202;
  if (request.url === '/plain') return { status: 200, body: 'no hub here' };
  return { status: 200, headers: { link: `<${hub.url}/hub>; rel="hub", <${hub.url}/feed>; rel="self"` } };
}

async function source(name: string): Promise<SourceBody> {
  const put = await broker.call<SourceBody>('PUT', `/v1/sources/${name}`, { sender: 'websub', topic: name });
  if (put.status !== 201) throw new Error(`PUT answered ${put.status}: ${put.text}`);
  return put.body;
}

const get = async (name: string) => (await broker.call<SourceBody>('GET', `/v1/sources/${name}`)).body;
const subscribe = async (name: string, path = '/page') =>
  broker.call<SourceBody>('POST', `/v1/sources/${name}/websub`, { topicUrl: `${hub.url}${path}` });

/** The last form that the hub got. */
function form(): URLSearchParams {
  const request = hub.requests.filter(({ url }) => url === '/hub').at(-1);
  return new URLSearchParams(request?.body.toString());
}

const here = (callback: string) => `${broker.url}${new URL(callback).pathname}`;

/** As a hub asks whether we meant it. */
async function verifyIntent(mode: string, extra: Record<string, string> = {}) {
  const sent = form();
  const query = new URLSearchParams({
    'hub.mode': mode,
    'hub.topic': sent.get('hub.topic') ?? '',
    'hub.challenge': 'prove-it',
    ...extra,
  });
  const response = await fetch(`${here(sent.get('hub.callback') ?? '')}?${query.toString()}`);
  return { status: response.status, text: await response.text() };
}

async function state(name: string, wanted: string): Promise<SourceBody> {
  return until(async () => {
    const body = await get(name);
    return body.websub?.state === wanted && body;
  });
}

test('the broker subscribes at the hub of a topic, proves its intent and takes what the hub distributes', async () => {
  await source('feed.first');
  const asked = await subscribe('feed.first');
  expect(asked).toMatchObject({
    status: 202,
    body: { websub: { state: 'subscribing', topic: `${hub.url}/feed`, hub: `${hub.url}/hub`, leasedUntil: null } },
  });
  const sent = form();
  expect(Object.fromEntries(sent)).toMatchObject({ 'hub.mode': 'subscribe', 'hub.topic': `${hub.url}/feed` });
  const secret = sent.get('hub.secret') ?? '';
  expect(secret.length).toBeGreaterThan(40);

  expect(await verifyIntent('subscribe', { 'hub.lease_seconds': '86400' })).toEqual({ status: 200, text: 'prove-it' });
  const subscribed = await state('feed.first', 'subscribed');
  expect(subscribed.websub).toMatchObject({
    leasedUntil: '2026-11-21T12:00:00.000Z',
    renewAt: '2026-11-21T06:00:00.000Z',
  });

  const body = '<feed/>';
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const deliver = async (signed: string) =>
    fetch(here(sent.get('hub.callback') ?? ''), {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/atom+xml', 'x-hub-signature': signed },
    });
  expect((await deliver(signature)).status).toBe(200);
  expect((await deliver(signature.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).status).toBe(401);
  const events = await broker.call<{ items: { type: string }[] }>('GET', '/v1/topics/feed.first/events');
  expect(events.body.items).toMatchObject([{ type: 'websub.update' }]);
});

test('an intent that we do not have is denied', async () => {
  await source('feed.intent');
  await subscribe('feed.intent');
  expect((await verifyIntent('unsubscribe')).status).toBe(404);
  expect((await verifyIntent('subscribe', { 'hub.topic': 'https://other.example/' })).status).toBe(404);
  expect((await get('feed.intent')).websub?.state).toBe('subscribing');
});

test('a denial by the hub is shown, and changes nothing else, since it is not signed', async () => {
  await source('feed.denied');
  await subscribe('feed.denied');
  await verifyIntent('denied', { 'hub.reason': 'not for you' });
  const denied = await until(async () => {
    const { websub } = await get('feed.denied');
    return websub?.lastError != null && websub;
  });
  expect(denied).toMatchObject({ state: 'subscribing', lastError: 'denied: not for you' });
});

test('a lease is asked for again after three quarters of it, and runs out when the hub stays silent', async () => {
  await source('feed.renewed');
  await subscribe('feed.renewed');
  await verifyIntent('subscribe', { 'hub.lease_seconds': '3600' });
  await state('feed.renewed', 'subscribed');
  const renewal = broker.app.get(WebSubService, { strict: false });
  hub.requests.length = 0;

  now = new Date(start.getTime() + 44 * 60_000);
  expect(await renewal.runOnce()).toEqual({ renewed: 0, failed: 0 });
  now = new Date(start.getTime() + 46 * 60_000);
  expect(await renewal.runOnce()).toEqual({ renewed: 1, failed: 0 });
  expect(form().get('hub.mode')).toBe('subscribe');
  expect(await renewal.runOnce()).toEqual({ renewed: 0, failed: 0 });
  expect((await verifyIntent('subscribe', { 'hub.lease_seconds': '3600' })).status).toBe(200);
  await until(async () => (await get('feed.renewed')).websub?.leasedUntil === '2026-11-20T13:46:00.000Z');

  now = new Date(start.getTime() + 95 * 60_000);
  hub.answer(500);
  expect(await renewal.runOnce()).toEqual({ renewed: 0, failed: 1 });
  expect((await get('feed.renewed')).websub).toMatchObject({
    state: 'subscribed',
    lastError: expect.stringContaining('500'),
  });
  now = new Date(start.getTime() + 110 * 60_000);
  expect((await get('feed.renewed')).websub?.state).toBe('lapsed');
  expect(await renewal.runOnce()).toEqual({ renewed: 1, failed: 0 });
});

test('DELETE ends the subscription, once the hub has asked for the intent', async () => {
  await source('feed.ended');
  await subscribe('feed.ended');
  await verifyIntent('subscribe', { 'hub.lease_seconds': '3600' });
  await state('feed.ended', 'subscribed');
  const ended = await broker.call('DELETE', '/v1/sources/feed.ended/websub');
  expect(ended).toMatchObject({ status: 202, body: { websub: { state: 'unsubscribing' } } });
  expect(form().get('hub.mode')).toBe('unsubscribe');
  expect((await verifyIntent('subscribe')).status).toBe(404);
  expect(await verifyIntent('unsubscribe')).toEqual({ status: 200, text: 'prove-it' });
  expect((await state('feed.ended', 'unsubscribed')).websub).toMatchObject({ leasedUntil: null, renewAt: null });
});

test('a new URL is told to the hub before the old one ends', async () => {
  await source('feed.moved');
  await subscribe('feed.moved');
  await verifyIntent('subscribe', { 'hub.lease_seconds': '86400' });
  await state('feed.moved', 'subscribed');
  const before = form().get('hub.callback');
  await broker.call('POST', '/v1/sources/feed.moved/rotate-token', {});
  expect(await broker.app.get(WebSubService, { strict: false }).runOnce()).toEqual({ renewed: 1, failed: 0 });
  expect(form().get('hub.callback')).not.toBe(before);
  expect(form().get('hub.callback')).toBe((await get('feed.moved')).url);
});

test('what cannot be subscribed to is refused with the reason', async () => {
  await source('feed.refused');
  expect(await subscribe('feed.refused', '/plain')).toMatchObject({
    status: 422,
    body: { code: 'websub-refused', detail: 'The topic names no hub.' },
  });
  hub.answer({ status: 301, headers: { location: '/page' } });
  expect(await subscribe('feed.refused')).toMatchObject({ status: 422, body: { code: 'websub-refused' } });
  const forbidden = await broker.call('POST', '/v1/sources/feed.refused/websub', {
    topicUrl: 'http://169.254.169.254/latest/meta-data',
  });
  expect(forbidden).toMatchObject({
    status: 422,
    body: { code: 'websub-refused', detail: expect.stringContaining('blocked') },
  });
  hub.respondWith((request) => (request.url === '/hub' ? 400 : answer(request)));
  expect(await subscribe('feed.refused')).toMatchObject({ status: 422, body: { code: 'websub-refused' } });
  expect((await get('feed.refused')).websub).toMatchObject({
    state: 'failed',
    lastError: 'The hub did not take the request: it answered 400.',
  });
});

test('only a WebSub source subscribes', async () => {
  await broker.call('PUT', '/v1/sources/not.websub', { sender: 'github', secret: 'some-secret-of-github' });
  expect(await subscribe('not.websub')).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect(await subscribe('nothing.here')).toMatchObject({ status: 404, body: { code: 'source-not-found' } });
});
