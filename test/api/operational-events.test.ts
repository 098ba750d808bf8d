import { createHmac } from 'node:crypto';
import { DeliveryWorker } from '@hookcast/delivery';
import { Announcer } from '../../apps/broker/src/announcements/announcer.js';
import { BacklogWatch } from '../../apps/broker/src/announcements/backlog-watch.js';
import { LeaseSweep } from '../../apps/broker/src/services/lease-sweep.js';
import { testBroker, type RequestOptions, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Told {
  id: string;
  type: string;
  source: string;
  subject: string;
  data: Record<string, unknown>;
}

let broker: TestBroker;
let hook: HookServer;
let clockAhead = 0;
beforeEach(async () => {
  clockAhead = 0;
  hook = await hookServer();
  broker = await testBroker({
    settings: {
      HOOKCAST_ROLE: 'all',
      HOOKCAST_DEFAULT_PARTITIONS: '2',
      HOOKCAST_BACKLOG_HIGH_EVENTS: '4',
      HOOKCAST_AUTO_CREATE_TOPICS: 'true',
    },
    clock: { now: () => new Date(Date.now() + clockAhead) },
  });
});
afterEach(async () => {
  await broker?.close();
  await hook?.close();
});

const of = <T>(token: new (...args: never[]) => T): T => broker.app.get(token, { strict: false });
const sql = async (text: string, params: unknown[] = []) => (await broker.database.pool.query(text, params)).rows;

async function subscribe(name: string, rest: object = {}, options: RequestOptions = {}): Promise<void> {
  const body = { topics: ['t'], url: `${hook.url}/${name}`, ...rest };
  const put = await broker.call('PUT', `/v1/subscriptions/${name}`, body, options);
  expect(put.status, put.text).toBeLessThan(300);
  await of(DeliveryWorker).reload();
}

/** Bodies that came to the hook of a subscription. */
const received = (name: string): Told[] =>
  hook.requests.filter(({ url }) => url === `/${name}`).map(({ body }) => JSON.parse(body.toString()));

async function told(name: string, count = 1): Promise<Told[]> {
  const enough = () => (received(name).length >= count ? received(name) : undefined);
  return until(enough, { what: `${count} event(s) for ${name}` });
}

test('a subscription that is suspended and resumed is told of, to whoever asks for it, in order', async () => {
  await subscribe('ops', { topics: ['hookcast.subscription.*'] });
  await subscribe('gone');
  hook.respondWith(({ url }) => (url === '/gone' ? 410 : 204));
  await broker.publish('t', {});
  await told('ops', 1);
  hook.respondWith(() => 204);
  expect((await broker.call('POST', '/v1/subscriptions/gone/resume', {})).status).toBe(200);
  const [suspended, resumed] = await told('ops', 2);
  expect(suspended).toMatchObject({
    type: 'hookcast.subscription.suspended',
    source: '/hookcast',
    subject: 'gone',
    data: { subscription: 'gone', state: 'suspended', previousState: 'active', reason: 'gone' },
  });
  expect(resumed).toMatchObject({
    type: 'hookcast.subscription.resumed',
    data: { subscription: 'gone', state: 'active', previousState: 'suspended', reason: null },
  });
  expect(await sql('select from announcements')).toEqual([]);
});

test('a lapsed lease is told of as stale, and a pause to nobody', async () => {
  await subscribe('ops', { topics: ['hookcast.**'] });
  await subscribe('leased', { leaseSeconds: 60 });
  await broker.call('POST', '/v1/subscriptions/leased/pause');
  await broker.call('POST', '/v1/subscriptions/leased/resume', {});
  clockAhead = 120_000;
  await of(LeaseSweep).runOnce();
  const events = await told('ops', 2);
  expect(events.map(({ type, data }) => [type, data['previousState']])).toEqual([
    ['hookcast.subscription.resumed', 'paused'],
    ['hookcast.subscription.stale', 'active'],
  ]);
});

test('a delivery that is given up is told of, once more when it dies again', async () => {
  await subscribe('ops', { topics: ['hookcast.delivery.dead'] });
  await subscribe('fussy', { nonRetryable: [404] });
  hook.respondWith(({ url }) => (url === '/fussy' ? 404 : 204));
  await broker.publish('t', {}, { 'ce-id': 'e1' });
  const [dead] = await told('ops');
  expect(dead).toMatchObject({
    type: 'hookcast.delivery.dead',
    subject: 'fussy',
    data: { subscription: 'fussy', eventId: 'e1', topic: 't', reason: 'non-retryable', status: 404, attempts: 1 },
  });
  expect((await broker.call('POST', '/v1/subscriptions/fussy/deliveries/e1/retry')).status).toBeLessThan(300);
  const [, again] = await told('ops', 2);
  expect(again?.data).toMatchObject({ eventId: 'e1', attempts: 2 });
  expect(again?.id).not.toBe(dead?.id);
});

test('a dead delivery of an operational event is told to nobody', async () => {
  await subscribe('ops', { topics: ['hookcast.**'], nonRetryable: [404] });
  await subscribe('fussy', { nonRetryable: [404] });
  hook.respondWith(() => 404);
  await broker.publish('t', {});
  await told('ops');
  const deadOfOps = async () => (await sql(`select from dead_letters where topic = 'hookcast.delivery.dead'`)).length;
  await until(async () => (await deadOfOps()) === 1, { what: 'the dead delivery of the news' });
  const unannounced = async () => (await sql('select from dead_letters where not announced')).length;
  await until(async () => (await unannounced()) === 0, { what: 'nothing left to tell' });
  await of(Announcer).runOnce();
  expect(await sql(`select from events where type is null and subject is not null`)).toHaveLength(1);
});

test('a high backlog is told of once, and again only after it was down to half', async () => {
  await subscribe('ops', { topics: ['hookcast.backlog.high'] });
  await subscribe('slow');
  await broker.call('POST', '/v1/subscriptions/slow/pause');
  const watch = of(BacklogWatch);
  for (let n = 0; n < 3; n += 1) await broker.publish('t', { n });
  expect(await watch.runOnce()).toEqual({ high: 0, low: 0 });
  for (let n = 0; n < 3; n += 1) await broker.publish('t', { n });
  expect(await watch.runOnce()).toEqual({ high: 1, low: 0 });
  expect(await watch.runOnce()).toEqual({ high: 0, low: 0 });
  const [high] = await told('ops');
  expect(high).toMatchObject({ subject: 'slow', data: { subscription: 'slow', backlog: 6, limit: 4 } });
  await broker.call('POST', '/v1/subscriptions/slow/resume', {});
  await until(() => received('slow').length === 6, { what: 'the backlog to drain' });
  await until(async () => (await watch.runOnce()).low === 1, { what: 'the backlog to be low' });
  await broker.call('POST', '/v1/subscriptions/slow/pause');
  for (let n = 0; n < 4; n += 1) await broker.publish('t', { n });
  expect(await watch.runOnce()).toEqual({ high: 1, low: 0 });
});

test('a new key is told of in its own namespace, without the key', async () => {
  const body = { name: 'acme admin', scopes: ['admin'], namespace: 'acme' };
  const acme = await broker.call<{ key: string }>('POST', '/v1/keys', body);
  const authorization = `Bearer ${acme.body.key}`;
  // Its own key is not told of: nobody has asked yet.
  await until(async () => (await sql('select from announcements')).length === 0, { what: 'nothing left to tell' });
  await subscribe('ours', { topics: ['hookcast.key.created'] });
  await subscribe('theirs', { topics: ['hookcast.key.created'] }, { authorization });
  const made = await broker.call<{ id: string; key: string }>(
    'POST',
    '/v1/keys',
    { name: 'shop', scopes: ['publish:orders.*'] },
    { authorization },
  );
  const [event] = await told('theirs');
  expect(event?.data).toMatchObject({ keyId: made.body.id, name: 'shop', scopes: ['publish:orders.*'] });
  expect(JSON.stringify(event)).not.toContain(made.body.key);
  expect(received('ours')).toEqual([]);
});

test('wildcards of services leave operational events out', async () => {
  await subscribe('ops', { topics: ['hookcast.key.created'] });
  await subscribe('everything', { topics: ['**', '*.key.created'] });
  await broker.call('POST', '/v1/keys', { name: 'k', scopes: ['read'] });
  await told('ops');
  await broker.publish('t', {});
  await told('everything');
  expect(received('everything').map(({ type }) => type)).toEqual(['t']);
});

test('nothing is written to the log as long as nobody has asked', async () => {
  await subscribe('leased', { leaseSeconds: 60 });
  await broker.call('POST', '/v1/keys', { name: 'k', scopes: ['read'] });
  expect(await of(Announcer).runOnce()).toEqual({ published: 0 });
  expect(await sql('select from announcements')).toEqual([]);
  expect(await sql('select from events')).toEqual([]);
  expect(await sql(`select from topics where name like 'hookcast.%'`)).toEqual([]);
});

test('what was published before a crash is not published twice', async () => {
  await subscribe('ops', { topics: ['hookcast.key.created'] });
  await broker.call('POST', '/v1/keys', { name: 'k', scopes: ['read'] });
  const [first] = await told('ops');
  // As a process leaves it that dies between the two steps.
  await sql(
    `insert into announcements (id, namespace, topic, subject, data, created_at)
     values ($1, 'default', $2, $3, $4, $5)`,
    [first?.id, first?.type, first?.subject, withoutTime(first?.data), first?.data['at']],
  );
  await until(async () => (await sql('select from announcements')).length === 0, {
    what: 'the announcement to be told',
  });
  expect(await sql('select from events')).toHaveLength(1);
});

function withoutTime(data: Record<string, unknown> = {}): string {
  const { at: _, ...rest } = data;
  return JSON.stringify(rest);
}

test('a change that is rolled back is told to nobody', async () => {
  await subscribe('a', { service: 'one', leaseSeconds: 60 });
  await subscribe('ops', { topics: ['hookcast.**'] });
  clockAhead = 120_000;
  await sql(`alter table announcements add constraint nothing_today check (false) not valid`);
  await expect(of(LeaseSweep).runOnce()).rejects.toThrow(/nothing_today/);
  expect(await sql(`select state from subscriptions where name = 'a'`)).toEqual([{ state: 'active' }]);
});

test('only the broker publishes to its topics', async () => {
  const answer = await broker.call<{ code: string }>('POST', '/v1/topics/hookcast.key.created/events', {});
  expect(answer).toMatchObject({ status: 403, body: { code: 'topic-reserved' } });
  const source = { sender: 'github', secret: 'a-shared-secret-0123456789', topic: 'hookcast.{type}' };
  const put = await broker.call<{ errors: { pointer: string }[] }>('PUT', '/v1/sources/hub', source);
  expect(put.status).toBe(422);
  expect(put.body.errors).toEqual([expect.objectContaining({ pointer: '/topic' })]);
});

test('a sender cannot make its event look like one of the broker', async () => {
  const secret = 'a-shared-secret-0123456789';
  const source = { sender: 'github', secret, topic: '{type}' };
  const made = await broker.call<{ url: string }>('PUT', '/v1/sources/hub', source);
  expect(made.status, made.text).toBe(201);
  const signature = createHmac('sha256', secret).update('{}').digest('hex');
  const { status } = await fetch(`${broker.url}${new URL(made.body.url).pathname}`, {
    method: 'POST',
    body: '{}',
    headers: {
      'x-hub-signature-256': `sha256=${signature}`,
      'x-github-delivery': 'd1',
      'x-github-event': 'hookcast.key.created',
    },
  });
  expect(status).toBeLessThan(300);
  expect(await sql('select name from topics')).toEqual([{ name: 'unknown' }]);
});
