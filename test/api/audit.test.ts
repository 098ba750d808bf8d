import { AuditJanitor } from '../../apps/broker/src/audit/audit-janitor.js';
import { AuditTrail } from '../../apps/broker/src/audit/audit-trail.js';
import { Refusals } from '../../apps/broker/src/audit/refusals.js';
import { ControlPlane } from '../../apps/broker/src/control/control-plane.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';

let broker: TestBroker;
let now = new Date();
beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now } });
});
afterAll(async () => {
  await broker?.close();
});

interface Entry {
  id: number;
  at: string;
  actor: { keyId: string; name: string };
  method: string;
  action: string;
  target: string;
  outcome: string;
  detail: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  requestId: string;
  address: string;
  count: number;
}

interface Page {
  items: Entry[];
  nextCursor: string | null;
}

const hook = 'http://127.0.0.1:3000/';

async function entries(query = ''): Promise<Entry[]> {
  const answer = await broker.call<Page>('GET', `/v1/audit?limit=200&${query}`);
  expect(answer.status).toBe(200);
  return answer.body.items;
}

test('a change is told with who, what, before, after and from where', async () => {
  const headers = { 'x-request-id': 'audit-1' };
  await broker.call('PUT', '/v1/topics/told', { partitions: 1 }, { headers });
  await broker.call('PUT', '/v1/topics/told', { partitions: 2 });
  await broker.call('DELETE', '/v1/topics/told');
  const [gone, changed, made] = await entries('target=topic/told');
  expect(made).toMatchObject({
    actor: { keyId: 'admin', name: 'admin' },
    method: 'PUT',
    action: 'topic.put',
    outcome: 'done',
    before: null,
    after: { name: 'told', partitions: 1 },
    requestId: 'audit-1',
    count: 1,
  });
  expect(made?.address).toMatch(/127\.0\.0\.1$/);
  expect(changed).toMatchObject({ before: { partitions: 1 }, after: { partitions: 2 } });
  expect(gone).toMatchObject({ action: 'topic.delete', before: { partitions: 2 }, after: null });
});

test('keys, subscriptions, services and actions are told of by the key that did it', async () => {
  const { body } = await broker.call<{ id: string; key: string }>('POST', '/v1/keys', {
    name: 'deployer',
    scopes: ['subscribe:**'],
  });
  const as = { authorization: `Bearer ${body.key}` };
  await broker.call('PUT', '/v1/subscriptions/s', { topics: ['a'], url: hook, headers: { 'x-token': 'geheim-1' } }, as);
  await broker.call('POST', '/v1/subscriptions/s/rotate-secret', {}, as);
  await broker.call('POST', '/v1/subscriptions/s/test', {}, as);
  await broker.call('PUT', '/v1/services/svc', { subscriptions: [{ name: 't', topics: ['b'], url: hook }] }, as);
  await broker.call('POST', `/v1/keys/${body.id}/rotate`, { graceSeconds: 60 });
  await broker.call('DELETE', `/v1/keys/${body.id}`);
  expect((await entries('actor=deployer')).map(({ action, target }) => `${action} ${target}`)).toEqual([
    'service.put service/svc',
    'subscription.test subscription/s',
    'subscription.rotate-secret subscription/s',
    'subscription.put subscription/s',
  ]);
  expect(await entries(`actor=${body.id}`)).toHaveLength(4);
  const keys = await entries(`target=key/${body.id}`);
  expect(keys.map(({ action }) => action)).toEqual(['key.delete', 'key.rotate', 'key.create']);
  expect(keys[2]?.after).toMatchObject({ name: 'deployer', scopes: ['subscribe:**'] });
});

test('nothing secret is in the log', async () => {
  const { body } = await broker.call<{ secret: string }>('PUT', '/v1/subscriptions/secretive', {
    topics: ['a'],
    url: 'http://127.0.0.1:3000/?access=geheim-2',
  });
  const { rows: stored } = await broker.database.pool.query('select a::text as line from audit_log a');
  const text = JSON.stringify(stored);
  expect(stored.length).toBeGreaterThan(5);
  for (const secret of [adminKey, body.secret, 'geheim', '"sealed"', '\\"sealed\\"']) {
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/whsec_[A-Za-z0-9+/]/);
  const { rows: keys } = await broker.database.pool.query<{ hash: Buffer }>('select hash from api_keys');
  expect(keys.length).toBeGreaterThan(0);
  for (const { hash } of keys) expect(text).not.toContain(hash.toString('hex'));
});

test('what changes nothing, and what comes all the time, leaves no entry', async () => {
  const body = { subscriptions: [{ name: 'quiet', topics: ['quiet.a'], url: hook }] };
  await broker.call('PUT', '/v1/services/quiet', body);
  const before = (await entries()).length;
  await broker.call('PUT', '/v1/services/quiet', body);
  await broker.call('PUT', '/v1/services/quiet?dryRun=true', { subscriptions: [] });
  await broker.call('POST', '/v1/services/quiet/heartbeat', {});
  await broker.call('POST', '/v1/topics/quiet%2Ea/events', { a: 1 });
  await broker.publish('quiet.a', {});
  await broker.call('GET', '/v1/topics');
  expect(await entries()).toHaveLength(before);
});

test('a change and its entry are one transaction', async () => {
  const { pool } = broker.database;
  await pool.query('alter table audit_log rename to audit_away');
  try {
    expect((await broker.call('PUT', '/v1/topics/unwitnessed', {})).status).toBe(500);
    expect((await broker.call('GET', '/v1/topics/unwitnessed')).status).toBe(404);
  } finally {
    await pool.query('alter table audit_away rename to audit_log');
  }
  await broker.call('PUT', '/v1/topics/refused', { schemaMode: 'reject' });
  expect(await entries('target=topic/refused')).toEqual([]);
});

test('what goes on after the answer is not put down to the caller', async () => {
  const trail = broker.app.get(AuditTrail, { strict: false });
  const control = broker.app.get(ControlPlane, { strict: false });
  const who = { namespace: 'default', keyId: 'k', keyName: 'k', requestId: 'r', address: null };
  const request = {
    ...who,
    method: 'PUT',
    action: 'topic.put',
    target: 'topic/later',
    isWritten: false,
    isOver: false,
  };
  const change = async () => control.change(async () => {});
  await trail.during(request, change);
  expect(await entries('target=topic/later')).toHaveLength(1);
  request.isOver = true;
  await trail.during(request, change);
  expect(await entries('target=topic/later')).toHaveLength(1);
});

test('the database refuses to change an entry', async () => {
  const { pool } = broker.database;
  await expect(pool.query(`update audit_log set key_name = 'nobody'`)).rejects.toThrow(/append-only/);
  await expect(pool.query('truncate audit_log')).rejects.toThrow(/append-only/);
});

test('failed authentications are counted, not listed one by one', async () => {
  for (let round = 0; round < 25; round += 1) {
    await broker.call('GET', `/v1/topics/${round}`, undefined, { authorization: 'Bearer wrong' });
    await broker.call('POST', `/v1/topics/${round}/events`, {}, { authorization: 'Bearer wrong' });
  }
  const found = await entries('action=authenticate');
  const wrong = found.filter(({ detail }) => detail === 'malformed');
  expect(wrong.map(({ count }) => count)).toEqual([50]);
  expect(wrong[0]).toMatchObject({ actor: { keyId: 'anonymous' }, outcome: 'unauthenticated', target: 'key' });
  expect(JSON.stringify(found)).not.toContain('wrong');
});

test('an attacker with ever new targets fills a bounded number of entries', async () => {
  const { body } = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'prober', scopes: ['publish:a'] });
  await entries();
  for (let round = 0; round < 60; round += 1) {
    await broker.call('POST', `/v1/topics/probe-${round}/events`, {}, { authorization: `Bearer ${body.key}` });
  }
  const found = (await entries('from=' + new Date(now.getTime() - 1).toISOString())).filter(
    ({ outcome }) => outcome === 'forbidden',
  );
  expect(found.length).toBeLessThanOrEqual(21);
  expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(60);
});

test('refusals that cannot be written are kept for the next time', async () => {
  const refusals = broker.app.get(Refusals, { strict: false });
  await refusals.runOnce();
  await broker.call('GET', '/v1/topics/a', undefined, { authorization: 'Bearer hidden' });
  await broker.database.pool.query('alter table audit_log rename to audit_log_away');
  await expect(refusals.runOnce()).rejects.toThrow('audit_log');
  await broker.call('GET', '/v1/topics/a', undefined, { authorization: 'Bearer hidden' });
  await broker.database.pool.query('alter table audit_log_away rename to audit_log');
  const counted = async () => (await entries('action=authenticate')).reduce((sum, { count }) => sum + count, 0);
  const before = await broker.database.pool.query<{ sum: string }>(
    "select coalesce(sum(count), 0) as sum from audit_log where action = 'authenticate'",
  );
  expect(await counted()).toBe(Number(before.rows[0]?.sum) + 2);
});

test('refused scopes and refused hook addresses are told of', async () => {
  const { body } = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'sub', scopes: ['subscribe:ok.*'] });
  const as = { authorization: `Bearer ${body.key}` };
  await broker.call('DELETE', '/v1/topics/x', undefined, as);
  await broker.call('PUT', '/v1/subscriptions/bad', { topics: ['other'], url: hook }, as);
  await broker.call('PUT', '/v1/subscriptions/bad', { topics: ['ok.a'], url: 'http://169.254.169.254/latest' }, as);
  const told = (await entries('actor=sub')).map(({ action, target, outcome }) => ({ action, target, outcome }));
  expect(told).toHaveLength(3);
  expect(told).toEqual(
    expect.arrayContaining([
      { action: 'topic.delete', target: 'topic/x', outcome: 'forbidden' },
      { action: 'subscription.put', target: 'subscription/bad', outcome: 'forbidden' },
      { action: 'subscription.put', target: 'subscription/bad', outcome: 'hook-address-forbidden' },
    ]),
  );
});

test('a hook that may not be called any more is told of when it is tried', async () => {
  await broker.call('PUT', '/v1/subscriptions/shut', { topics: ['a'], url: 'http://127.0.0.1:3000/?token=geheim-3' });
  const strict = await testBroker({ database: broker.database, settings: { HOOKCAST_EGRESS_ALLOW: '10.0.0.0/8' } });
  try {
    await strict.call('POST', '/v1/subscriptions/shut/test');
    const { body } = await strict.call<Page>('GET', '/v1/audit?action=hook.call');
    expect(body.items).toMatchObject([
      {
        actor: { keyId: 'broker' },
        target: 'http://127.0.0.1:3000',
        outcome: 'hook-address-forbidden',
        count: expect.any(Number),
      },
    ]);
  } finally {
    await strict.close();
  }
});

test('it is read in pages, newest first, and filtered by time', async () => {
  const all = await entries();
  const seen: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await broker.call<Page>('GET', `/v1/audit?limit=7${query}`);
    seen.push(...body.items.map(({ id }) => id));
    cursor = body.nextCursor;
  }
  expect(seen).toEqual(all.map(({ id }) => id));
  expect(seen).toEqual(seen.toSorted((one, other) => other - one));
  now = new Date(now.getTime() + 60_000);
  const from = now.toISOString();
  await broker.call('PUT', '/v1/topics/late', {});
  expect((await entries(`from=${from}`)).map(({ target }) => target)).toEqual(['topic/late']);
  expect(await entries(`to=${from}`)).toHaveLength(all.length);
});

test.each(['from=yesterday', 'actor=', 'cursor=x', 'limit=0', 'who=me', 'target=a%00'])(
  '%s is refused',
  async (query) => {
    expect((await broker.call('GET', `/v1/audit?${query}`)).status).toBe(422);
  },
);

test('entries are forgotten after HOOKCAST_AUDIT_DAYS', async () => {
  await broker.call('PUT', '/v1/topics/old', {});
  const janitor = broker.app.get(AuditJanitor, { strict: false });
  now = new Date(now.getTime() + 399 * 86_400_000);
  expect(await janitor.runOnce()).toEqual({ forgotten: 0 });
  now = new Date(now.getTime() + 2 * 86_400_000);
  const { forgotten } = await janitor.runOnce();
  expect(forgotten).toBeGreaterThan(10);
  expect(await entries()).toEqual([]);
});
