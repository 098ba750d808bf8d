import { tablesOfNamespaces } from '@hookcast/database';
import { Announcer } from '../../apps/broker/src/announcements/announcer.js';
import { ClockCheck } from '../../apps/broker/src/health/clock-check.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import {
  credentialsOf,
  foreignKinds,
  knownKinds,
  makeCallers,
  unknownKinds,
  unprovenKinds,
  type Callers,
  type Credentials,
  type May,
} from './access-kinds.js';
import { addressOf, makeObjects, type Objects } from './access-objects.js';
import { accessTable, otherRoutes, type Row } from './access-table.js';

const table: Record<string, Row> = { ...accessTable, ...otherRoutes };
const operator: Credentials = { authorization: `Bearer ${adminKey}` };

let broker: TestBroker;
let callers: Callers;
let objects: Objects;
let now = new Date();
const clock = { now: () => now, pass: (ms: number) => (now = new Date(now.getTime() + ms)) };
beforeAll(async () => {
  broker = await testBroker({ clock });
  // A clock that stands still is off by more than is allowed once these tests have taken that long.
  broker.app.get(ClockCheck, { strict: false }).stop();
  callers = await makeCallers(broker, clock);
  objects = await makeObjects(broker);
  // Told now, since a loop would do so between two looks at what a namespace holds.
  await broker.app.get(Announcer, { strict: false }).runOnce();
});
afterAll(async () => {
  await broker?.close();
});

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** Every route of the running program, as `GET /v1/topics/:name`. What senders use is no route of Express. */
function routes(): string[] {
  const { stack } = broker.adapter.getInstance().router as unknown as { stack: Layer[] };
  const ofExpress = stack.flatMap(({ route }) =>
    route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : [],
  );
  return [...ofExpress, 'POST /in/:address'];
}

interface Reply {
  status: number;
  code?: string | undefined;
}

async function send(route: string, credentials: Credentials, otherwise?: string): Promise<Reply> {
  const [method = '', template = ''] = route.split(' ');
  const hasBody = method !== 'GET' && method !== 'DELETE';
  const { body, form, headers } = table[route] ?? {};
  const fields = form && new URLSearchParams(form(credentials['hookcast-csrf'] ?? ''));
  const response = await fetch(`${broker.url}${addressOf(template, objects, otherwise)}`, {
    method,
    redirect: 'manual',
    headers: { ...(hasBody && !form && { 'content-type': 'application/json' }), ...headers, ...credentials },
    ...(hasBody && { body: fields ?? JSON.stringify(body ?? {}) }),
  });
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem) return { status: response.status, code: ((await response.json()) as { code: string }).code };
  await response.body?.cancel();
  return { status: response.status };
}

/** Whether it is answered as whoever is let in is. */
const isServed = ({ status: expected }: Row, { status }: Reply): boolean =>
  expected === undefined ? status < 400 : status === expected;

function isLetIn({ needs }: Row, may: May): boolean {
  if (needs === 'nothing' || needs === 'any key' || may === 'admin') return true;
  return needs === 'operator' ? may === 'read' : needs.split(' or ').includes(may);
}

/** Everything that the namespace default holds, but for what a look at it may change. */
async function holdings(): Promise<unknown[]> {
  const { pool } = broker.database;
  const held: unknown[] = [];
  for (const name of (await tablesOfNamespaces(pool)).filter((one) => one !== 'audit_log')) {
    const { rows } = await pool.query(
      `select to_jsonb(t) - 'last_used_at' as row from ${name} t where namespace = 'default' order by 1`,
    );
    held.push([name, rows]);
  }
  for (const name of ['streams', 'cursors', 'retries', 'dead_letters']) {
    const { rows } = await pool.query(
      `select to_jsonb(d) as row from ${name} d join streams using (stream_id) join topics t on t.id = streams.topic_id
       where t.namespace = 'default' order by 1`,
    );
    held.push([name, rows]);
  }
  return held;
}

/** As a name and as an id, of nothing that is there. */
const missing = 'nothing00aa';

test('the table has every route of the program, and no other', () => {
  expect(Object.keys(table).toSorted()).toEqual([...new Set(routes())].toSorted());
});

test.each(unknownKinds)('who is not known is let into public routes only: %s', async (kind) => {
  const credentials = await credentialsOf(callers.unknown, kind);
  const wrong: string[] = [];
  for (const [route, row] of Object.entries(table)) {
    const reply = await send(route, credentials);
    if (row.needs === 'nothing' ? !isServed(row, reply) : reply.status !== 401) wrong.push(`${route}: ${reply.status}`);
  }
  expect(wrong).toEqual([]);
});

test.each(unprovenKinds)(
  'a session opens the documentation only, for another site could send the request: %s',
  async (kind) => {
    const credentials = await credentialsOf(callers.unproven, kind);
    const wrong: string[] = [];
    for (const [route, row] of Object.entries(table)) {
      const reply = await send(route, credentials);
      const isOpen = row.needs === 'nothing' || row.needs === 'any key';
      // A session is ended by its own page only.
      const refused = route === 'POST /session/end' ? 403 : isOpen ? undefined : 401;
      const isRight = refused === undefined ? isServed(row, reply) : reply.status === refused;
      if (!isRight) wrong.push(`${route}: ${reply.status}`);
    }
    expect(wrong).toEqual([]);
  },
);

test.each(foreignKinds)(
  'what the namespace default has is not there for a caller of another: %s',
  async (kind, may) => {
    const before = await holdings();
    const credentials = await credentialsOf(callers.foreign, kind);
    const wrong: string[] = [];
    // What makes things of one's own comes last: they would have the same names.
    const ordered = Object.entries(table).toSorted(([, a], [, b]) => rank(a.across) - rank(b.across));
    for (const [route, row] of ordered.filter(([, { across }]) => across !== 'by its address')) {
      const reply = await send(route, credentials);
      const found = `${route}: ${reply.status} ${reply.code}`;
      if (!isLetIn(row, may) || row.needs === 'operator') {
        if (reply.status !== 403) wrong.push(`${found}, expected 403`);
      } else if (row.across !== 'nothing') {
        if (!isServed(row, reply)) wrong.push(`${found}, expected its own`);
      } else {
        const absent = await send(route, credentials, missing);
        if (reply.status !== 404 || reply.code !== absent.code) wrong.push(`${found}, expected ${absent.code}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await holdings()).toEqual(before);
  },
);

const rank = (across: string): number => (across === 'nothing' ? 0 : 1);

test('what the callers of another namespace did not find is there', async () => {
  const wrong: string[] = [];
  for (const [route, { across }] of Object.entries(table)) {
    if (across !== 'nothing' || !route.startsWith('GET ')) continue;
    const { status } = await send(route, operator);
    if (status !== 200) wrong.push(`${route}: ${status}`);
  }
  expect(wrong).toEqual([]);
});

test.each(knownKinds)('every route lets in or refuses: %s', async (kind, may) => {
  // Made anew for every kind, since those that may delete them do.
  const subscriptions = [{ name: 'x', topics: ['orders.created'], url: 'http://127.0.0.1:3000/' }];
  await broker.call('PUT', '/v1/services/x', { subscriptions });
  const credentials = await credentialsOf(callers.known, kind);
  const wrong: string[] = [];
  for (const [route, row] of Object.entries(table)) {
    const { status } = await send(route, credentials, 'x');
    const isRight = isLetIn(row, may) ? ![401, 403, 429].includes(status) : status === 403;
    if (!isRight) wrong.push(`${route}: ${status}, expected to be ${isLetIn(row, may) ? 'let in' : 'refused'}`);
  }
  expect(wrong).toEqual([]);
});

test('the way in for senders asks for its address and the signature, whoever comes', async () => {
  const route = 'POST /in/:address';
  const wrong: string[] = [];
  const unsigned = { 'x-hub-signature-256': 'sha256=00' };
  const [name = ''] = (objects['in/:address'] ?? '').split('/');
  for (const group of Object.values(callers) as Record<string, () => Promise<Credentials>>[])
    for (const [kind, caller] of Object.entries(group)) {
      const credentials = await caller();
      const statuses = [
        await send(route, credentials),
        await send(route, { ...credentials, ...unsigned }),
        await send(route, credentials, `${name}/another-token`),
        await send(route, credentials, 'elsewhere/another-token'),
      ].map(({ status }) => status);
      if (statuses.join(' ') !== '200 401 404 404') wrong.push(`${kind}: ${statuses.join(' ')}`);
    }
  expect(wrong).toEqual([]);
});
