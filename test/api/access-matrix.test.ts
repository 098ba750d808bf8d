import { createHmac } from 'node:crypto';
import { tablesOfNamespaces } from '@hookcast/database';
import { Announcer } from '../../apps/broker/src/announcements/announcer.js';
import { ClockCheck } from '../../apps/broker/src/health/clock-check.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';
import { accessTable } from './access-table.js';

const url = 'http://127.0.0.1:3000/';
const secret = 'a-shared-secret-0123456789';

/** By kind, undefined being no key at all. */
const keys: Record<string, string | undefined> = {};
/** Each of a namespace of its own. */
const foreign: Record<string, string> = {};
/** What stands for a parameter in the address of an object of the namespace default. */
const objects: Record<string, string> = {
  'topics/:name': 'orders.created',
  'topics/:topic': 'orders.created',
  'subscriptions/:name': 'billing',
  'services/:service': 'billing-service',
  'sources/:name': 'hub',
};

let broker: TestBroker;
let now = new Date();
beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now } });
  // A clock that stands still is off by more than is allowed once these tests have taken that long.
  broker.app.get(ClockCheck, { strict: false }).stop();
  await makeKeys();
  await makeObjects();
  // Told now, since a loop would do so between two looks at what a namespace holds.
  await broker.app.get(Announcer, { strict: false }).runOnce();
});
afterAll(async () => {
  await broker?.close();
});

async function make(scopes: string[], more: object = {}): Promise<{ id: string; key: string }> {
  const body = { name: scopes.join(' '), scopes, ...more };
  return (await broker.call<{ id: string; key: string }>('POST', '/v1/keys', body)).body;
}

async function makeKeys(): Promise<void> {
  const scopes = { publish: 'publish:**', subscribe: 'subscribe:**', read: 'read', admin: 'admin' };
  for (const [kind, scope] of Object.entries(scopes)) {
    keys[kind] = (await make([scope])).key;
    foreign[kind] = (await make([scope], { namespace: `other-${kind}` })).key;
  }
  const expired = await make(['admin'], { expiresAt: new Date(now.getTime() + 1000).toISOString() });
  const revoked = await make(['admin']);
  await broker.call('DELETE', `/v1/keys/${revoked.id}`);
  Object.assign(keys, {
    none: undefined,
    malformed: 'not a key',
    'wrong crc': `${revoked.key.slice(0, -1)}${revoked.key.endsWith('0') ? '1' : '0'}`,
    revoked: revoked.key,
    expired: expired.key,
    'publish elsewhere': (await make(['publish:elsewhere.*'])).key,
    'subscribe elsewhere': (await make(['subscribe:elsewhere.*'])).key,
    operator: adminKey,
  });
  objects['keys/:id'] = (await make(['read'])).id;
  now = new Date(now.getTime() + 2000);
}

async function makeObjects(): Promise<void> {
  const subscriptions = [{ name: 'billing', topics: ['orders.created'], url, headers: { 'x-token': 'geheim' } }];
  await broker.call('PUT', '/v1/services/billing-service', { subscriptions });
  const { id } = await broker.publish('orders.created', {});
  objects['events/:id'] = objects['deliveries/:eventId'] = id;
  await broker.database.pool.query(
    `insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts, event_at, event_id, topic)
     select stream_id, s.id, seq, now(), 'exhausted', 1, e.created_at, event_id, 'orders.created'
     from events e, subscriptions s where event_id = $1`,
    [id],
  );
  const found = await broker.call<{ items: { id: string }[] }>('GET', '/v1/dead-letters');
  objects['dead-letters/:id'] = found.body.items[0]?.id ?? '';
  const redrive = await broker.call<{ id: string }>('POST', '/v1/dead-letters/redrive', { subscription: 'billing' });
  objects['operations/:id'] = redrive.body.id;
  const source = await broker.call<{ url: string }>('PUT', '/v1/sources/hub', { sender: 'github', secret });
  const body = '{}';
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  await fetch(`${broker.url}${new URL(source.body.url).pathname}`, {
    method: 'POST',
    body,
    headers: { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-delivery': 'd1', 'x-github-event': 'push' },
  });
  const receptions = async () =>
    (await broker.call<{ items: { id: string }[] }>('GET', '/v1/sources/hub/receptions')).body.items;
  const [reception] = await until(async () => ((await receptions()).length > 0 ? receptions() : undefined), {
    what: 'the reception',
  });
  objects['receptions/:id'] = reception?.id ?? '';
}

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/**
 * Every route of the running program, as `GET /v1/topics/:name`, but for the files of the page and of the API's documentation
 * and for the page's form, which takes a key as a field and no header (page-session.test.ts).
 */
function routes(): string[] {
  const { stack } = broker.adapter.getInstance().router as unknown as { stack: Layer[] };
  return stack.flatMap(({ route }) =>
    route && !/^\/(?:assets\/|docs\/|session)/.test(route.path)
      ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`)
      : [],
  );
}

/** The address of an object that is there, or, with `otherwise`, of one that is not. */
function addressOf(template: string, otherwise?: string): string {
  return template.replaceAll(/([a-z-]+)\/(:[a-zA-Z]+)/g, (_, collection: string, parameter: string) => {
    const value = otherwise ?? objects[`${collection}/${parameter}`];
    if (value === undefined) throw new Error(`Say in this test what stands for ${collection}/${parameter}.`);
    return `${collection}/${value}`;
  });
}

async function send(route: string, path: string, key: string | undefined): Promise<{ status: number; code?: string }> {
  const method = route.split(' ')[0] ?? '';
  const body = method === 'GET' || method === 'DELETE' ? undefined : JSON.stringify(accessTable[route]?.body ?? {});
  const response = await fetch(`${broker.url}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  });
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem) return { status: response.status, code: ((await response.json()) as { code: string }).code };
  await response.body?.cancel();
  return { status: response.status };
}

function isLetIn(route: string, kind: string): boolean {
  const { needs } = accessTable[route] ?? { needs: 'admin' };
  if (needs === 'nothing' || needs === 'any key' || kind === 'admin' || kind === 'operator') return true;
  return needs === 'operator' ? kind === 'read' : needs.split(' or ').includes(kind);
}

/** Everything that the namespace default holds, but for what a look at it may change. */
async function holdings(): Promise<unknown[]> {
  const { pool } = broker.database;
  const held: unknown[] = [];
  for (const table of (await tablesOfNamespaces(pool)).filter((name) => name !== 'audit_log')) {
    const { rows } = await pool.query(
      `select to_jsonb(t) - 'last_used_at' as row from ${table} t where namespace = 'default' order by 1`,
    );
    held.push([table, rows]);
  }
  for (const table of ['streams', 'cursors', 'retries', 'dead_letters']) {
    const { rows } = await pool.query(
      `select to_jsonb(d) as row from ${table} d join streams using (stream_id) join topics t on t.id = streams.topic_id
       where t.namespace = 'default' order by 1`,
    );
    held.push([table, rows]);
  }
  return held;
}

const unknownKeys = ['none', 'malformed', 'wrong crc', 'revoked', 'expired'];
const kinds = ['publish', 'publish elsewhere', 'subscribe', 'subscribe elsewhere', 'read', 'admin', 'operator'];
/** As a name and as an id, of nothing that is there. */
const missing = 'nothing00aa';

test('the table has every route of the program, and no other', () => {
  expect(Object.keys(accessTable).toSorted()).toEqual([...new Set(routes())].toSorted());
});

test.each(unknownKeys)('a key that is no key is let into public routes only: %s', async (kind) => {
  const wrong: string[] = [];
  for (const [route, { needs }] of Object.entries(accessTable)) {
    const { status } = await send(route, addressOf(route.split(' ')[1] ?? ''), keys[kind]);
    if (needs === 'nothing' ? status >= 400 : status !== 401) wrong.push(`${route}: ${status}`);
  }
  expect(wrong).toEqual([]);
});

test.each(['publish', 'subscribe', 'read', 'admin'])(
  'what the namespace default has is not there for a key of another: %s',
  async (kind) => {
    const before = await holdings();
    const wrong: string[] = [];
    // What makes things of one's own comes last: they would have the same names.
    const ordered = Object.entries(accessTable).toSorted(([, a], [, b]) => rank(a.across) - rank(b.across));
    for (const [route, { needs, across }] of ordered) {
      const path = route.split(' ')[1] ?? '';
      const { status, code } = await send(route, addressOf(path), foreign[kind]);
      if (!isLetIn(route, kind) || needs === 'operator') {
        if (status !== 403) wrong.push(`${route}: ${status}, expected 403`);
      } else if (across !== 'nothing') {
        if (status >= 400) wrong.push(`${route}: ${status} ${code}, expected its own`);
      } else {
        const absent = await send(route, addressOf(path, missing), foreign[kind]);
        if (status !== 404 || code !== absent.code) wrong.push(`${route}: ${status} ${code}, expected ${absent.code}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await holdings()).toEqual(before);
  },
);

const rank = (across: string): number => (across === 'nothing' ? 0 : 1);

test('what the keys of another namespace did not find is there', async () => {
  const wrong: string[] = [];
  for (const [route, { across }] of Object.entries(accessTable)) {
    if (across !== 'nothing' || !route.startsWith('GET ')) continue;
    const { status } = await send(route, addressOf(route.slice(4)), keys['operator']);
    if (status !== 200) wrong.push(`${route}: ${status}`);
  }
  expect(wrong).toEqual([]);
});

test.each(kinds)('every route lets in or refuses the kind of key: %s', async (kind) => {
  // Made anew for every kind, since those that may delete them do.
  const subscriptions = [{ name: 'x', topics: ['orders.created'], url }];
  await broker.call('PUT', '/v1/services/x', { subscriptions });
  const wrong: string[] = [];
  for (const route of Object.keys(accessTable)) {
    const { status } = await send(route, addressOf(route.split(' ')[1] ?? '', 'x'), keys[kind]);
    const isRight = isLetIn(route, kind) ? ![401, 403, 429].includes(status) : status === 403;
    if (!isRight) wrong.push(`${route}: ${status}, expected to be ${isLetIn(route, kind) ? 'let in' : 'refused'}`);
  }
  expect(wrong).toEqual([]);
});
