import type { Catalog, CatalogChanges } from '@hookcast/delivery';
import { DeliveryWorker } from '@hookcast/delivery';
import { ControlPlane } from '../../apps/broker/src/control/control-plane.js';
import { StoredSubscriptions } from '../../apps/broker/src/delivery/stored-subscriptions.js';
import { LeaseSweep } from '../../apps/broker/src/services/lease-sweep.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { statementsOf } from '../support/statements.js';

let broker: TestBroker;
let hook: HookServer;
let clockAhead = 0;
beforeAll(async () => {
  hook = await hookServer();
  broker = await testBroker({ clock: { now: () => new Date(Date.now() + clockAhead) } });
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

const catalog = () => broker.app.get(StoredSubscriptions, { strict: false });
const worker = () => broker.app.get(DeliveryWorker, { strict: false });
const put = async (name: string, topics: string[], rest: object = {}) =>
  expected('PUT', `/v1/subscriptions/${name}`, { topics, url: hook.url, ...rest });
async function expected(method: string, path: string, body?: object): Promise<void> {
  const answer = await broker.call(method, path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
}

interface Cursor {
  stream_id: number;
  topic_id: number;
  subscription_id: number;
  moves: number;
  drain_seq: string;
}

/** Cursors as far as a control change may touch them. Those of topics that are gone have none any more. */
async function cursors(): Promise<Map<string, Cursor>> {
  const { rows } = await broker.database.pool.query<Cursor>(
    `select c.stream_id, s.topic_id, c.subscription_id, c.moves, c.drain_seq from cursors c join streams s using (stream_id)`,
  );
  return new Map(rows.map((row) => [JSON.stringify(row), row]));
}

const sorted = ({ subscriptions, streams }: Catalog) => ({
  subscriptions: subscriptions.toSorted((a, b) => a.id - b.id),
  streams: streams.toSorted((a, b) => a.streamId - b.streamId),
});

function applied(before: Catalog, changes: CatalogChanges): Catalog {
  const { version, subscriptionIds, topicIds } = changes;
  return {
    version,
    subscriptions: [
      ...before.subscriptions.filter(({ id }) => !subscriptionIds.includes(id)),
      ...changes.subscriptions,
    ],
    streams: [...before.streams.filter(({ topicId }) => !topicIds.includes(topicId)), ...changes.streams],
  };
}

/** Whatever changes the control plane, one after the other. */
const steps: [what: string, change: () => Promise<unknown>][] = [
  ['a subscription and its topic are made', () => put('first', ['orders.created'])],
  ['one with a wildcard comes', () => put('second', ['orders.*'], { filter: 'type == "orders.created"' })],
  ['it asks for other topics', () => put('second', ['orders.**', 'bills.paid'])],
  ['a topic that a wildcard matches is made', () => expected('PUT', '/v1/topics/orders.cancelled', { partitions: 2 })],
  ['a topic gets more partitions', () => expected('PUT', '/v1/topics/orders.cancelled', { partitions: 5 })],
  ['a publish makes a topic', () => broker.publish('orders.shipped', {})],
  ['a subscription is paused', () => expected('POST', '/v1/subscriptions/first/pause')],
  ['a backlog is there', () => broker.publish('orders.created', {})],
  ['it is resumed slowly', () => expected('POST', '/v1/subscriptions/first/resume', { drainRate: 3 })],
  ['it is moved', () => expected('POST', '/v1/subscriptions/second/seek', { to: 'latest' })],
  ['it gets another secret', () => expected('POST', '/v1/subscriptions/second/rotate-secret', { graceSeconds: 3600 })],
  ['a service registers', () => expected('PUT', '/v1/services/shop', service(['shop-a', 'shop-b']))],
  ['it takes one back and changes one', () => expected('PUT', '/v1/services/shop', service(['shop-b', 'shop-c'], 7))],
  ['its lease lapses', async () => lapse()],
  ['it is there again', () => expected('POST', '/v1/services/shop/heartbeat')],
  ['a key is made', () => expected('POST', '/v1/keys', { name: 'new', scopes: ['read'] })],
  ['a source is made', () => expected('PUT', '/v1/sources/hub', { sender: 'github', secret: 'a-secret-of-mine' })],
  ['a source goes', () => expected('DELETE', '/v1/sources/hub')],
  ['a topic goes', () => expected('DELETE', '/v1/topics/orders.cancelled?force=true')],
  ['a subscription goes', () => expected('DELETE', '/v1/subscriptions/second')],
];

function service(names: string[], concurrency = 32): object {
  const rest = { topics: ['shop.*', 'orders.created'], url: hook.url, leaseSeconds: 30, concurrency };
  return { subscriptions: names.map((name) => ({ name, ...rest })) };
}

async function lapse(): Promise<void> {
  clockAhead += 60_000;
  expect(await broker.app.get(LeaseSweep, { strict: false }).runOnce()).toEqual({ stale: 2 });
}

test('after every kind of change, what it says it touched leads to what all there is would lead to', async () => {
  let before = await catalog().load();
  let cursorsBefore = await cursors();
  for (const [what, change] of steps) {
    await change();
    const changes = await catalog().changes(before.version);
    if (changes === undefined) throw new Error(`${what}: it is not known what it touched`);
    const all = await catalog().load();
    const followed = applied(before, changes);
    expect(sorted(followed), what).toEqual(sorted(all));
    const cursorsNow = await cursors();
    const moved = [...cursorsNow].filter(([key]) => !cursorsBefore.has(key));
    const gone = [...cursorsBefore].filter(([key]) => !cursorsNow.has(key));
    const unsaid = [...moved, ...gone].filter(
      ([, row]) => !changes.subscriptionIds.includes(row.subscription_id) && !changes.topicIds.includes(row.topic_id),
    );
    expect(unsaid, what).toEqual([]);
    [before, cursorsBefore] = [followed, cursorsNow];
  }
});

test('a change that does not say what it touched has everything loaded again', async () => {
  const { version } = await catalog().load();
  await broker.app.get(ControlPlane, { strict: false }).change(async () => {});
  await put('after', ['orders.created']);
  expect(await catalog().changes(version)).toBeUndefined();
  expect(await catalog().changes(version + 1)).toMatchObject({ version: version + 2 });
});

test('a version of a database that has lost commits is not one to go on from', async () => {
  const { version } = await catalog().load();
  expect(await catalog().changes(version + 1)).toBeUndefined();
});

test('what was touched long ago is forgotten', async () => {
  const { rows } = await broker.database.pool.query<{ count: number }>(
    `with raised as (update control_state set version = version + 1500 returning version)
     insert into control_changes (version, subscription_ids, topic_ids)
       select version - n, '{}', '{}' from raised, generate_series(0, 1499) n returning 1`,
  );
  expect(rows).toHaveLength(1_500);
  await put('late', ['orders.created']);
  const left = await broker.database.pool.query(
    'select from control_changes where version <= (select max(version) from control_changes) - 1000',
  );
  expect(left.rowCount).toBe(0);
});

test('what a change costs does not grow with the number of subscriptions', async () => {
  const change = async (name: string) => {
    const sent = await statementsOf(async () => {
      await put(name, ['many.one']);
      // What this process has heard of is taken over by now, or with this.
      await worker().reload();
    });
    return { statements: sent.length, rows: sent.reduce((sum, { rows }) => sum + rows, 0) };
  };
  await put('few', ['many.one']);
  // It owns the streams from here on.
  await worker().runOnce();
  await change('few-0');
  const few = await change('few-1');
  await expected('PUT', '/v1/services/many', {
    subscriptions: Array.from({ length: 100 }, (_, at) => {
      return { name: `many-${at}`, topics: ['many.one'], url: hook.url };
    }),
  });
  await worker().reload();
  const many = await change('many-more');
  expect(worker().ownedStreams).not.toEqual([]);
  expect(many.statements).toBeLessThanOrEqual(few.statements + 3);
  expect(many.rows).toBeLessThanOrEqual(few.rows + 5);
});

test('a new topic costs as many statements for a hundred wildcards as for one', async () => {
  const wildcards = async (count: number) =>
    expected('PUT', '/v1/services/wide', {
      subscriptions: Array.from({ length: count }, (_, at) => ({
        name: `wide-${at}`,
        topics: ['wide.**'],
        url: hook.url,
      })),
    });
  /** Of the cheapest of three, since loops in the background send statements of their own meanwhile. */
  const made = async (name: string) => {
    const counts: number[] = [];
    for (const suffix of ['', '.b', '.c'])
      counts.push((await statementsOf(() => expected('PUT', `/v1/topics/${name}${suffix}`, {}))).length);
    return Math.min(...counts);
  };
  await wildcards(1);
  const one = await made('wide.one');
  await wildcards(100);
  expect(await made('wide.two')).toBeLessThanOrEqual(one + 2);
  const { rows } = await broker.database.pool.query<{ cursors: number }>(
    `select count(*)::int as cursors from cursors join streams using (stream_id) join topics t on t.id = topic_id where t.name = 'wide.two'`,
  );
  expect(rows).toEqual([{ cursors: 100 * broker.config.defaultPartitions }]);
});
