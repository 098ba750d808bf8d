import { LeaseSweep } from '../../apps/broker/src/services/lease-sweep.js';
import { testBroker, type TestBroker } from '../support/app.js';

interface Service {
  service: string;
  revision: number | null;
  plan: Record<'created' | 'updated' | 'unchanged' | 'removed', string[]>;
  subscriptions: { name: string; secret?: string; state: string }[];
}

const url = 'http://127.0.0.1:3000/hooks';
let now = new Date('2026-06-01T12:00:00Z');

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now } });
});
afterAll(async () => {
  await broker?.close();
});

const declare = async (service: string, body: object, query = '') =>
  broker.call<Service>('PUT', `/v1/services/${service}${query}`, body);
const heartbeat = async (service: string) => broker.call('POST', `/v1/services/${service}/heartbeat`);
const stateOf = async (name: string) =>
  (await broker.call<{ state: string }>('GET', `/v1/subscriptions/${name}`)).body.state;

test('a service declares all its subscriptions: others of it go', async () => {
  const first = await declare('billing', {
    revision: 1,
    subscriptions: [
      { name: 'b-orders', topics: ['orders.*'], url },
      { name: 'b-refunds', topics: ['refunds.*'], url },
    ],
  });
  expect(first.status).toBe(201);
  expect(first.body).toMatchObject({
    service: 'billing',
    revision: 1,
    dryRun: false,
    plan: { created: ['b-orders', 'b-refunds'], updated: [], unchanged: [], removed: [] },
  });
  expect(first.body.subscriptions.map(({ name }) => name)).toEqual(['b-orders', 'b-refunds']);
  expect(first.body.subscriptions[0]?.secret).toMatch(/^whsec_/);

  const second = await declare('billing', {
    revision: 2,
    subscriptions: [
      { name: 'b-orders', topics: ['orders.*'], url },
      { name: 'b-payments', topics: ['payments.*'], url },
    ],
  });
  expect(second.status).toBe(200);
  expect(second.body.plan).toEqual({
    created: ['b-payments'],
    updated: [],
    unchanged: ['b-orders'],
    removed: ['b-refunds'],
  });
  expect(second.body.subscriptions[0]).toEqual(first.body.subscriptions[0]);
  expect((await broker.call('GET', '/v1/subscriptions/b-refunds')).status).toBe(404);
});

test('the same declaration again changes nothing', async () => {
  const body = { revision: 7, subscriptions: [{ name: 'same', topics: ['same.*'], url }] };
  await declare('same', body);
  const version = async () =>
    (await broker.database.pool.query<{ version: string }>('select version from control_state')).rows[0]?.version;
  const before = await version();
  const again = await declare('same', body);
  expect(again).toMatchObject({ status: 200, body: { plan: { unchanged: ['same'] } } });
  expect(await version()).toBe(before);
});

test('a dry run answers with the plan and does nothing', async () => {
  const body = { subscriptions: [{ name: 'dry', topics: ['dry.*'], url }] };
  const plan = await declare('dry', body, '?dryRun=true');
  expect(plan).toMatchObject({ status: 200, body: { dryRun: true, plan: { created: ['dry'] }, subscriptions: [] } });
  expect((await broker.call('GET', '/v1/subscriptions/dry')).status).toBe(404);
  expect((await heartbeat('dry')).status).toBe(404);
});

test('a dry run shows the secrets of what exists, to an instance whose revision is older too', async () => {
  const body = { revision: 9, subscriptions: [{ name: 'known', topics: ['known.*'], url }] };
  const { secret } = (await declare('known', body)).body.subscriptions[0] ?? {};
  expect(secret).toMatch(/^whsec_/);
  const changed = {
    subscriptions: [
      { name: 'known', topics: ['changed.*'], url },
      { name: 'unknown', topics: ['a.*'], url },
    ],
  };
  const answer = await declare('known', changed, '?dryRun=true');
  expect(answer.body.subscriptions).toMatchObject([{ name: 'known', topics: ['known.*'], secret }]);
});

test('an older revision is refused, so that a rolling deploy cannot go backwards', async () => {
  await declare('rolling', { revision: 5, subscriptions: [{ name: 'rolling', topics: ['new.*'], url }] });
  const older = { revision: 4, subscriptions: [{ name: 'rolling', topics: ['old.*'], url }] };
  for (const query of ['', '?dryRun=true']) {
    expect(await declare('rolling', older, query)).toMatchObject({ status: 409, body: { code: 'revision-outdated' } });
  }
  expect((await declare('rolling', { ...older, revision: 5 })).status).toBe(200);
  expect((await declare('rolling', { subscriptions: [] })).body).toMatchObject({ revision: 5 });
});

test('a service cannot take the subscription of another, but adopts one of nobody', async () => {
  await declare('owner', { subscriptions: [{ name: 'owned', topics: ['owned.*'], url }] });
  await broker.call('PUT', '/v1/subscriptions/orphan', { topics: ['orphan.*'], url });
  const taken = await declare('thief', {
    subscriptions: [
      { name: 'orphan', topics: ['orphan.*'], url },
      { name: 'owned', topics: ['owned.*'], url },
    ],
  });
  expect(taken).toMatchObject({
    status: 409,
    body: { code: 'subscription-owned', errors: [{ pointer: '/subscriptions/1/name' }] },
  });
  const adopted = await declare('thief', { subscriptions: [{ name: 'orphan', topics: ['orphan.*'], url }] });
  expect(adopted.body.plan).toMatchObject({ updated: ['orphan'] });
});

test('one bad subscription refuses the whole declaration', async () => {
  const answer = await declare('half', {
    subscriptions: [
      { name: 'half-good', topics: ['a.*'], url },
      { name: 'half-bad', topics: ['a.*'], url: 'http://169.254.169.254/' },
    ],
  });
  expect(answer).toMatchObject({
    status: 422,
    body: { code: 'hook-address-forbidden', errors: [{ pointer: '/subscriptions/1/url' }] },
  });
  expect((await broker.call('GET', '/v1/subscriptions/half-good')).status).toBe(404);
});

test.each([
  ['no subscriptions field', {}, '/subscriptions'],
  ['subscriptions of a wrong type', { subscriptions: {} }, '/subscriptions'],
  ['a subscription of a wrong type', { subscriptions: ['x'] }, '/subscriptions/0'],
  ['null as subscription', { subscriptions: [null] }, '/subscriptions/0'],
  ['a subscription without a name', { subscriptions: [{ topics: ['a'], url }] }, '/subscriptions/0/name'],
  ['an unknown field', { subscriptions: [{ name: 'a', topics: ['a'], url, x: 1 }] }, '/subscriptions/0/x'],
  [
    'another service',
    { subscriptions: [{ name: 'a', topics: ['a'], url, service: 'other' }] },
    '/subscriptions/0/service',
  ],
  [
    'one name twice',
    {
      subscriptions: [
        { name: 'a', topics: ['a'], url },
        { name: 'a', topics: ['a'], url },
      ],
    },
    '/subscriptions',
  ],
  ['a negative revision', { revision: -1, subscriptions: [] }, '/revision'],
  ['a revision as text', { revision: '1', subscriptions: [] }, '/revision'],
  [
    'a wrong filter',
    { subscriptions: [{ name: 'a', topics: ['a'], url, filter: 'true &&' }] },
    '/subscriptions/0/filter',
  ],
])('a declaration with %s is refused', async (_, body, pointer) => {
  const answer = await broker.call<{ errors: { pointer: string }[] }>('PUT', '/v1/services/refused', body);
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map((error) => error.pointer)).toContain(pointer);
  expect((await heartbeat('refused')).status).toBe(404);
});

test('a lapsed lease makes subscriptions stale, a heartbeat wakes them, and no event is lost', async () => {
  await declare('leased', {
    subscriptions: [
      { name: 'leased', topics: ['leased.topic'], url, leaseSeconds: 30 },
      { name: 'unleased', topics: ['leased.topic'], url },
    ],
  });
  const sweep = broker.app.get(LeaseSweep, { strict: false });
  now = new Date(now.getTime() + 29_000);
  expect(await heartbeat('leased')).toMatchObject({
    status: 200,
    body: {
      service: 'leased',
      subscriptions: [
        { name: 'leased', state: 'active', leasedUntil: '2026-06-01T12:00:59.000Z' },
        { name: 'unleased', state: 'active', leasedUntil: null },
      ],
    },
  });
  now = new Date(now.getTime() + 29_000);
  await sweep.runOnce();
  expect(await stateOf('leased')).toBe('active');
  now = new Date(now.getTime() + 2_000);
  await sweep.runOnce();
  expect(await stateOf('leased')).toBe('stale');
  expect(await stateOf('unleased')).toBe('active');
  expect(await broker.call('GET', '/v1/subscriptions?state=stale')).toMatchObject({
    body: { items: [{ name: 'leased', stateReason: 'lease-lapsed' }] },
  });
  await broker.publish('leased.topic', 1);
  expect((await broker.call<{ backlog: number }>('GET', '/v1/subscriptions/leased')).body.backlog).toBe(1);
  await heartbeat('leased');
  expect(await stateOf('leased')).toBe('active');
  expect((await broker.call<{ backlog: number }>('GET', '/v1/subscriptions/leased')).body.backlog).toBe(1);
});

test('declaring again renews the lease too', async () => {
  const body = { subscriptions: [{ name: 'again', topics: ['again.*'], url, leaseSeconds: 10 }] };
  await declare('again', body);
  now = new Date(now.getTime() + 11_000);
  await broker.app.get(LeaseSweep, { strict: false }).runOnce();
  expect(await stateOf('again')).toBe('stale');
  await declare('again', body);
  expect(await stateOf('again')).toBe('active');
});

test('a heartbeat of nobody is told so', async () => {
  expect(await heartbeat('nobody')).toMatchObject({ status: 404, body: { code: 'service-not-found' } });
});

test('services are listed with their revision, their last sign of life and their leases', async () => {
  await declare('listed-a', { revision: 5, subscriptions: [{ name: 'la', topics: ['a'], url, leaseSeconds: 60 }] });
  await declare('listed-b', { subscriptions: [] });
  const list = async (query: string) =>
    (await broker.call<{ items: unknown[]; nextCursor: string | null }>('GET', `/v1/services?${query}`)).body;
  const all = await list('limit=200');
  expect(all.items).toContainEqual({
    service: 'listed-a',
    revision: 5,
    heartbeatAt: now.toISOString(),
    updatedAt: now.toISOString(),
    subscriptions: [{ name: 'la', state: 'active', leasedUntil: new Date(now.getTime() + 60_000).toISOString() }],
  });
  expect(all.items).toContainEqual(expect.objectContaining({ service: 'listed-b', revision: null, subscriptions: [] }));
  const first = await list('limit=1');
  expect(first.items).toEqual(all.items.slice(0, 1));
  expect((await list(`limit=200&cursor=${first.nextCursor}`)).items).toEqual(all.items.slice(1));
});

test('instances of one service that declare at once agree', async () => {
  const body = { revision: 1, subscriptions: [{ name: 'crowd', topics: ['crowd.*'], url }] };
  const answers = await Promise.all(Array.from({ length: 6 }, async () => declare('crowd', body)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(new Set(answers.map((answer) => answer.body.subscriptions[0]?.secret)).size).toBe(1);
});
