import { verify } from '@hookcast/protocol';
import { createReceiver, createRegistration, type Receiver } from '@hookcast/receiver';
import { StoredSubscriptions } from '../../apps/broker/src/delivery/stored-subscriptions.js';
import { SigningKeys } from '../../apps/broker/src/signing-keys/signing-keys.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { hookServer, type HookServer, type ReceivedRequest } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface PublishedKey {
  kid: string;
  publicKey: string;
  namespace: string;
}

let database: TestDatabase;
let broker: TestBroker;
let hooks: HookServer;
let now: Date;
let names = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  hooks = await hookServer();
  broker = await testBroker({ database, settings: { HOOKCAST_ROLE: 'all' }, clock: { now: () => now } });
});
beforeEach(() => {
  now = new Date();
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
  await database?.drop();
});

/** A namespace that nobody has used, and the key of its administrator. */
async function tenant() {
  names += 1;
  const namespace = `tenant-${names}`;
  const request = { name: 'admin', scopes: ['admin', 'publish:**', 'subscribe:**'], namespace };
  const { body } = await broker.call<{ key: string }>('POST', '/v1/keys', request);
  return { namespace, apiKey: body.key, authorization: `Bearer ${body.key}` };
}

type Tenant = Awaited<ReturnType<typeof tenant>>;

async function publishedOf(namespace?: string, at = broker): Promise<PublishedKey[]> {
  const query = namespace === undefined ? '' : `?namespace=${namespace}`;
  const path = `/.well-known/hookcast-keys.json${query}`;
  return (await at.call<{ keys: PublishedKey[] }>('GET', path, undefined, { authorization: undefined })).body.keys;
}

const subscribe = async ({ authorization }: { authorization: string }, more: object = {}) => {
  const body = { topics: ['orders.*'], url: hooks.url, signature: 'ed25519', ...more };
  expect((await broker.call('PUT', '/v1/subscriptions/signed', body, { authorization })).status).toBe(201);
};

/** What the hook of the tenant's subscription gets now. */
async function sent({ authorization }: { authorization: string }): Promise<ReceivedRequest> {
  await broker.call('POST', '/v1/subscriptions/signed/test', {}, { authorization });
  const request = hooks.requests.at(-1);
  if (!request) throw new Error('no request');
  return request;
}

const isSignedBy = (request: ReceivedRequest, keys: readonly { publicKey: string }[]) =>
  verify(request, { publicKeys: keys.map(({ publicKey }) => publicKey) }, { now }).kind === 'verified';

const signaturesIn = ({ headers }: ReceivedRequest) => String(headers['webhook-signature']).split(' ').length;

/** A service of the tenant that verifies with what the broker tells it. */
async function service({ apiKey }: Tenant): Promise<{ receiver: Receiver; handled: string[] }> {
  const handled: string[] = [];
  const registration = createRegistration({
    broker: { url: broker.url, apiKey },
    service: 'billing',
    subscriptions: [{ name: 'billing', topics: ['orders.*'], url: hooks.url, signature: 'ed25519' }],
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const on = { '**': (_: unknown, { id }: { id: string }) => void handled.push(id) };
  const receiver = createReceiver({ registration, on, onRefused: () => {} });
  expect(await registration.runOnce()).toMatchObject({ kind: 'registered' });
  await until(() => registration.publicKeysOf?.('billing').length === 1, { what: 'the public key' });
  return { receiver, handled };
}

async function delivered({ authorization }: Tenant): Promise<ReceivedRequest> {
  const answer = await broker.call<{ id: string }>(
    'POST',
    '/v1/topics/orders.paid/events',
    { n: 1 },
    { authorization },
  );
  const isIt = ({ headers }: ReceivedRequest) => headers['webhook-id'] === answer.body.id;
  await until(() => hooks.requests.some(isIt), { what: 'the delivery' });
  const request = hooks.requests.find(isIt);
  if (!request) throw new Error('no request');
  return request;
}

const hand = async ({ receiver }: { receiver: Receiver }, { headers, body }: ReceivedRequest) => {
  const kept = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const request = { method: 'POST', headers: kept, body: new Uint8Array(body) };
  return (await receiver.fetch(new Request('http://billing/', request))).status;
};

test('a key is made where a subscription asks for it, and by nobody who only looks', async () => {
  const [acme, zeta] = [await tenant(), await tenant()];
  expect([await publishedOf(acme.namespace), await publishedOf('nowhere')]).toEqual([[], []]);
  await subscribe(acme);
  expect(await publishedOf(acme.namespace)).toMatchObject([{ kty: 'OKP', namespace: acme.namespace }]);
  expect([await publishedOf(zeta.namespace), await publishedOf('nowhere')]).toEqual([[], []]);
  expect((await broker.call('GET', '/.well-known/hookcast-keys.json?namespace=No%20Name')).status).toBe(422);
});

test('without a namespace the keys of "default" are shown, whatever key the request carries', async () => {
  const { authorization } = await tenant();
  const [own] = await publishedOf();
  expect(own).toMatchObject({ namespace: 'default', publicKey: expect.stringMatching(/^whpk_/) });
  const shown = await broker.call('GET', '/.well-known/hookcast-keys.json', undefined, { authorization });
  expect(shown.body).toEqual({ keys: [own] });
});

test('what is signed for one namespace verifies with its key and with that of no other', async () => {
  const tenants = [await tenant(), await tenant(), { namespace: 'default', authorization: `Bearer ${adminKey}` }];
  const requests: ReceivedRequest[] = [];
  for (const one of tenants) {
    await subscribe(one, { signature: 'both' });
    requests.push(await sent(one));
  }
  const keys = await Promise.all(tenants.map(async ({ namespace }) => publishedOf(namespace)));
  const table = requests.map((request) => keys.map((published) => isSignedBy(request, published)));
  expect(table).toEqual(keys.map((_, row) => keys.map((__, column) => row === column)));
});

test('a receiver refuses what the broker has signed for another namespace, and takes its own', async () => {
  const [acme, zeta] = [await tenant(), await tenant()];
  const [ours, theirs] = [await service(acme), await service(zeta)];
  const [own, foreign] = [await delivered(acme), await delivered(zeta)];
  expect([await hand(ours, foreign), await hand(theirs, own)]).toEqual([401, 401]);
  expect([await hand(ours, own), await hand(theirs, foreign)]).toEqual([204, 204]);
  expect([ours.handled, theirs.handled]).toEqual([[own.headers['webhook-id']], [foreign.headers['webhook-id']]]);
});

test('a rotated key and the one before sign together for the grace, in one namespace only', async () => {
  const [acme, zeta] = [await tenant(), await tenant()];
  for (const one of [acme, zeta]) await subscribe(one);
  const before = await publishedOf(acme.namespace);
  const { authorization } = acme;
  const rotation = await broker.call('POST', '/v1/signing-keys/rotate', { graceSeconds: 60 }, { authorization });
  expect(rotation.status).toBe(200);
  const both = await publishedOf(acme.namespace);
  expect(rotation.body).toEqual({ keys: both });
  expect(both).toEqual([expect.anything(), before[0]]);
  const overlapping = await sent(acme);
  expect(both.map((key) => isSignedBy(overlapping, [key]))).toEqual([true, true]);
  expect(signaturesIn(await sent(zeta))).toBe(1);
  const { body } = await broker.call<{ items: object[] }>('GET', '/v1/audit', undefined, { authorization });
  expect(body.items).toContainEqual(expect.objectContaining({ action: 'signing-key.rotate', outcome: 'done' }));

  now = new Date(now.getTime() + 61_000);
  expect(await publishedOf(acme.namespace)).toEqual(both.slice(0, 1));
  const after = await sent(acme);
  expect(both.map((key) => isSignedBy(after, [key]))).toEqual([true, false]);
});

test('deliveries are signed with a new key at once', async () => {
  const acme = await tenant();
  await subscribe(acme);
  await delivered(acme);
  const { authorization } = acme;
  await broker.call('POST', '/v1/signing-keys/rotate', { graceSeconds: 0 }, { authorization });
  const keys = await publishedOf(acme.namespace);
  expect(keys).toHaveLength(1);
  await until(async () => isSignedBy(await delivered(acme), keys), { what: 'a delivery under the new key' });
});

test('a rotation is not repeated under one Idempotency-Key, and old keys do not pile up', async () => {
  const [acme, zeta] = [await tenant(), await tenant()];
  const rotate = async ({ authorization }: Tenant, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const options = { authorization, headers };
    return (await broker.call<{ keys: PublishedKey[] }>('POST', '/v1/signing-keys/rotate', {}, options)).body.keys;
  };
  const first = await rotate(acme, 'once');
  expect(await rotate(acme, 'once')).toEqual(first);
  expect((await rotate(zeta, 'once'))[0]?.kid).not.toBe(first[0]?.kid);
  for (let n = 0; n < 4; n += 1) await rotate(acme);
  const published = await publishedOf(acme.namespace);
  expect(published).toHaveLength(3);
  expect(await rotate(acme, 'once')).toBeUndefined();
  expect(await publishedOf(acme.namespace)).toEqual(published);
});

test('processes that need a key at the same moment agree on one, and only a sealed one is stored', async () => {
  const other = await testBroker({ database });
  try {
    const keys = [broker, other].map(({ app }) => app.get(SigningKeys, { strict: false }));
    const wanted = Array.from({ length: 8 }, (_, index) => keys[index % keys.length]);
    const found = await Promise.all(wanted.map(async (one) => one?.signing(new Set(['raced']))));
    expect(new Set(found.map((one) => one?.get('raced')?.join())).size).toBe(1);
    expect(await publishedOf('raced', other)).toEqual(await publishedOf('raced'));
    const { rows } = await database.pool.query<{ text: string }>('select secrets::text as text from signing_keys');
    for (const { text } of rows) expect(text).toMatch(/^\[\{.*"sealed": "v2\./);
    expect(rows.map(({ text }) => text).join()).not.toContain('whsk_');
  } finally {
    await other.close();
  }
});

test('a key that does not open stops its namespace alone, and the log says so', async () => {
  const [acme, zeta] = [await tenant(), await tenant()];
  for (const one of [acme, zeta]) await subscribe(one, { url: `${hooks.url}/${one.namespace}` });
  const damage = `update signing_keys set secrets = jsonb_set(secrets, '{0,sealed}', '"v2.damaged.AAAA"') where namespace = $1`;
  await database.pool.query(damage, [acme.namespace]);
  const { subscriptions } = await broker.app.get(StoredSubscriptions, { strict: false }).load();
  const urls = subscriptions.map(({ url }) => url);
  expect(urls).toContain(`${hooks.url}/${zeta.namespace}`);
  expect(urls).not.toContain(`${hooks.url}/${acme.namespace}`);
  expect(broker.lines.join('')).toContain('signing-key.unusable');
});
