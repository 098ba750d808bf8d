import { createPublicKeys, createReceiver, createRegistration, type ReceiverOptions } from '@hookcast/receiver';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';
import { hookRequestOf, orderEvent, signingPair } from './signed-delivery.js';
import { servicesApi } from './services-api.js';

let broker: HookServer;
let now = 0;
beforeEach(async () => {
  now = 0;
  broker = await hookServer();
});
afterEach(() => broker.close());

type KeyPair = ReturnType<typeof signingPair>;

const publish = (...keys: KeyPair[]) =>
  publishText(JSON.stringify({ keys: keys.map(({ publicKey }) => ({ publicKey })) }));
const publishText = (body: string) =>
  broker.respondWith(({ url }) => (url === '/.well-known/hookcast-keys.json' ? { status: 200, body } : 404));

function publicKeys() {
  const warnings: string[] = [];
  const keys = createPublicKeys({ url: broker.url, log: { warn: (line) => warnings.push(line) }, now: () => now });
  return { keys, warnings };
}

const fetched = (times: number) => until(() => broker.requests.length === times);

function hook(options: Partial<ReceiverOptions>) {
  const receiver = createReceiver({ on: { 'orders.*': () => {} }, onRefused: () => {}, ...options });
  return async ({ secret }: Pick<KeyPair, 'secret'>, headers: Record<string, string> = {}) => {
    const request = hookRequestOf(orderEvent('a'), { secret, headers });
    return (await receiver.fetch(new Request('http://billing/', request))).status;
  };
}

test('a request is accepted that one of the published keys has signed, and no other', async () => {
  const [first, second, forger] = [signingPair(), signingPair(), signingPair()];
  publish(first, second);
  const { keys } = publicKeys();
  await until(() => keys.publicKeys().length === 2);
  const deliver = hook({ publicKeys: keys });
  expect([await deliver(first), await deliver(second), await deliver(forger)]).toEqual([204, 204, 401]);
});

test('until keys are known everything is refused with 503, and they are asked for again', async () => {
  broker.respondWith(() => 503);
  const key = signingPair();
  const { keys, warnings } = publicKeys();
  const deliver = hook({ publicKeys: keys });
  await until(() => warnings.length === 1);
  expect(await deliver(key)).toBe(503);
  publish(key);
  now += 1_000;
  expect(await deliver(key)).toBe(503);
  await until(() => keys.publicKeys().length === 1);
  expect(await deliver(key)).toBe(204);
  expect(warnings).toEqual([expect.stringContaining('the broker answered 503')]);
});

test('a new key is fetched when a signature fails, without a restart, and at most every ten seconds', async () => {
  const [old, next] = [signingPair(), signingPair()];
  publish(old);
  const { keys } = publicKeys();
  await until(() => keys.publicKeys().length === 1);
  const deliver = hook({ publicKeys: keys });
  expect(await deliver(old)).toBe(204);
  publish(next, old);
  now += 9_999;
  for (let n = 0; n < 20; n += 1) expect(await deliver(next)).toBe(401);
  expect(broker.requests).toHaveLength(1);
  now += 1;
  expect(await deliver(next)).toBe(401);
  await until(() => keys.publicKeys().length === 2);
  expect([await deliver(next), await deliver(old)]).toEqual([204, 204]);
  expect(broker.requests).toHaveLength(2);
});

test('a key that is withdrawn is forgotten after five minutes, while it is still used', async () => {
  const [old, next] = [signingPair(), signingPair()];
  publish(next, old);
  const { keys } = publicKeys();
  await until(() => keys.publicKeys().length === 2);
  const deliver = hook({ publicKeys: keys });
  publish(next);
  now += 300_000;
  expect(await deliver(old)).toBe(204);
  now += 1;
  await deliver(old);
  await until(() => keys.publicKeys().length === 1);
  expect([await deliver(old), await deliver(next)]).toEqual([401, 204]);
});

test('keys are known on while the broker is away, and none that it withdraws altogether', async () => {
  const key = signingPair();
  publish(key);
  const { keys, warnings } = publicKeys();
  await until(() => keys.publicKeys().length === 1);
  const deliver = hook({ publicKeys: keys });
  broker.respondWith(() => 502);
  expect(await keys.runOnce()).toMatchObject({ kind: 'unavailable' });
  expect([await deliver(key), warnings.length]).toEqual([204, 1]);
  publish();
  expect(await keys.runOnce()).toEqual({ kind: 'fetched', keys: 0 });
  expect(await deliver(key)).toBe(503);
});

test('no address in a request is asked for keys, and none that the broker redirects to', async () => {
  const forger = signingPair();
  const elsewhere = await hookServer();
  elsewhere.respondWith(() => ({ status: 200, body: JSON.stringify({ keys: [{ publicKey: forger.publicKey }] }) }));
  publish(signingPair());
  const { keys } = publicKeys();
  await fetched(1);
  const deliver = hook({ publicKeys: keys });
  now += 10_000;
  const url = `${elsewhere.url}/.well-known/hookcast-keys.json`;
  const headers = { host: elsewhere.url, origin: elsewhere.url, 'webhook-jwks': url, 'x-jku': url, jku: url };
  expect(await deliver(forger, headers)).toBe(401);
  await fetched(2);
  broker.respondWith(() => ({ status: 302, headers: { location: url } }));
  expect(await keys.runOnce()).toMatchObject({ kind: 'refused', status: 302 });
  expect(await deliver(forger)).toBe(401);
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.close();
});

test.each(['', 'no JSON', '[]', '{}', '{"keys":{}}'])(
  'an answer that holds no list of keys changes nothing: %j',
  async (body) => {
    const key = signingPair();
    publish(key);
    const { keys } = publicKeys();
    await until(() => keys.publicKeys().length === 1);
    publishText(body);
    expect(await keys.runOnce()).toMatchObject({ kind: 'unavailable' });
    expect(keys.publicKeys()).toEqual([key.publicKey]);
  },
);

test('what is no key in the list is left out', async () => {
  const key = signingPair();
  publishText(
    JSON.stringify({
      keys: [null, 7, {}, { publicKey: 'whpk_short' }, { publicKey: key.secret }, { publicKey: key.publicKey }],
    }),
  );
  const { keys } = publicKeys();
  await until(() => keys.publicKeys().length > 0);
  expect(keys.publicKeys()).toEqual([key.publicKey]);
});

test('only keys of the namespace that is asked for are accepted', async () => {
  const [ours, theirs, unnamed] = [signingPair(), signingPair(), signingPair()];
  const body = JSON.stringify({
    keys: [
      { publicKey: theirs.publicKey, namespace: 'zeta' },
      { publicKey: ours.publicKey, namespace: 'acme' },
      { publicKey: unnamed.publicKey },
    ],
  });
  broker.respondWith(() => ({ status: 200, body }));
  const keysOf = async (namespace: string | undefined) => {
    const keys = createPublicKeys({ url: broker.url, namespace, now: () => now });
    await until(() => keys.publicKeys().length > 0);
    return keys.publicKeys();
  };
  expect(await keysOf('acme')).toEqual([ours.publicKey]);
  expect(await keysOf('default')).toEqual([unnamed.publicKey]);
  expect(await keysOf(undefined)).toEqual([unnamed.publicKey]);
  expect(broker.requests.map(({ url }) => url)).toEqual([
    '/.well-known/hookcast-keys.json?namespace=acme',
    '/.well-known/hookcast-keys.json',
    '/.well-known/hookcast-keys.json',
  ]);
});

test('a registration fetches the keys for those of its subscriptions that are signed with them', async () => {
  const api = await servicesApi();
  const key = signingPair();
  api.publish(key.publicKey);
  const at = { topics: ['orders.*'], url: 'http://billing:3000/hooks' };
  const registration = createRegistration({
    broker: { url: api.url, apiKey: 'good-key' },
    service: 'billing',
    subscriptions: [
      { ...at, name: 'asymmetric', signature: 'ed25519' },
      { ...at, name: 'shared' },
      { ...at, name: 'either', signature: 'both' },
    ],
  });
  await registration.runOnce();
  await until(() => registration.publicKeysOf?.('asymmetric').length === 1);
  const deliver = hook({ registration });
  const statusOf = (secret: string, subscription: string) =>
    deliver({ secret }, { 'hookcast-subscription': subscription });
  expect([await statusOf(key.secret, 'asymmetric'), await statusOf(api.secretOf('asymmetric'), 'asymmetric')]).toEqual([
    204, 401,
  ]);
  expect([await statusOf(key.secret, 'shared'), await statusOf(api.secretOf('shared'), 'shared')]).toEqual([401, 204]);
  expect([await statusOf(key.secret, 'either'), await statusOf(api.secretOf('either'), 'either')]).toEqual([204, 204]);
  await api.close();
});

test('a URL that is none is told when the keys are made', () => {
  expect(() => createPublicKeys({ url: 'broker' })).toThrow('no http or https URL');
});
