import { createReceiver, createRegistration, type Registration, type RegistrationOptions } from '@hookcast/receiver';
import { until } from '../support/until.js';
import { servicesApi, type ServicesApi } from './services-api.js';
import { batchRequestOf, hookRequestOf, orderEvent } from './signed-delivery.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const orders = { name: 'billing.orders', topics: ['orders.*'], url: 'http://billing:3000/hooks' };

async function setup(options: Partial<RegistrationOptions> = {}, api?: ServicesApi) {
  const broker = api ?? (await servicesApi());
  if (api === undefined) open.push(broker);
  const lines: string[] = [];
  const log = {
    info: (line: string) => void lines.push(`info ${line}`),
    warn: (line: string) => void lines.push(`warn ${line}`),
    error: (line: string) => void lines.push(`error ${line}`),
  };
  const registration = createRegistration({
    broker: { url: broker.url, apiKey: 'good-key' },
    service: 'billing',
    subscriptions: [orders],
    retry: { baseMs: 5, maxMs: 20 },
    log,
    ...options,
  });
  open.push({ close: () => registration.stop() });
  return { broker, registration, lines };
}

const receiverFor = (registration: Registration) =>
  createReceiver({ registration, on: { 'orders.*': () => {} }, onRefused: () => {} });

test('one round declares every subscription and learns their secrets', async () => {
  const other = { name: 'billing.refunds', topics: ['refunds.**'], url: 'http://billing:3000/hooks', concurrency: 4 };
  const { broker, registration } = await setup({ subscriptions: [orders, other], revision: 7 });
  expect(await registration.runOnce()).toEqual({ kind: 'registered', subscriptions: 2 });
  expect(broker.declared.get('billing')).toEqual({ revision: 7, subscriptions: [orders, other] });
  expect(registration.isRegistered).toBe(true);
  expect(registration.secretsOf('billing.orders')).toEqual([broker.secretOf('billing.orders')]);
  expect(registration.secretsOf(undefined)).toEqual([]);
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('the log is full');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('the log is full');
    },
  ],
])('a log that %s neither ends the registration nor the process', async (_, fail) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    const subscriptions = [{ ...orders, leaseSeconds: 0.03, signature: 'both' as const }];
    const { broker, registration } = await setup({ subscriptions, log: { info: fail, warn: fail, error: fail } });
    broker.server.answer(503, 503, 401);
    registration.start();
    await until(() => broker.heartbeats.length > 1, { what: 'leases that are renewed' });
    expect(unhandled).toEqual([]);
    expect(told).toHaveBeenCalled();
  } finally {
    told.mockRestore();
    process.off('unhandledRejection', note);
  }
});

test('a broker that is away is asked again until it answers, and the service hears of it', async () => {
  const { broker, registration, lines } = await setup();
  broker.server.answer({ reset: true }, 503, { status: 502, body: '<html>' });
  registration.start();
  await until(() => registration.isRegistered);
  expect(broker.server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
    Array.from({ length: 4 }, () => 'PUT /v1/services/billing'),
  );
  expect(lines.filter((line) => line.startsWith('warn The subscriptions of billing are not registered'))).toHaveLength(
    3,
  );
  expect(lines.filter((line) => line.startsWith('info'))).toEqual([
    'info Subscription billing.orders: orders.* → http://billing:3000/hooks',
    `info billing is registered at ${broker.url} (1 subscription)`,
  ]);
});

test('a broker that says no is told in the log, with its reasons, and asked again', async () => {
  const { broker, registration, lines } = await setup();
  const problem = { code: 'validation-failed', errors: [{ pointer: '/subscriptions/0/url', detail: 'is forbidden' }] };
  broker.server.answer({ status: 422, body: JSON.stringify(problem) });
  registration.start();
  await until(() => registration.isRegistered);
  expect(lines[0]).toMatch(
    /^error The subscriptions of billing are not registered, trying again in 0\.0 s: the broker answered 422: validation-failed: \/subscriptions\/0\/url is forbidden$/,
  );
});

describe('an instance of an older deploy that starts while a newer one is declared', () => {
  const refunds = { name: 'billing.refunds', topics: ['refunds.*'], url: 'http://billing:3000/hooks' };
  const moved = { ...refunds, url: 'http://billing:3000/other' };
  const gone = { name: 'billing.gone', topics: ['gone.*'], url: 'http://billing:3000/hooks' };

  async function rolledOut() {
    const { broker, registration: newer } = await setup({ revision: 8, subscriptions: [orders, moved] });
    await newer.runOnce();
    const older = await setup(
      { revision: 7, subscriptions: [{ ...orders, leaseSeconds: 0.03 }, refunds, gone] },
      broker,
    );
    return older;
  }

  test('verifies with the secrets of the newer declaration, for what points to the same hook', async () => {
    const { broker, registration, lines } = await rolledOut();
    expect(await registration.runOnce()).toEqual({ kind: 'outdated', subscriptions: 1 });
    expect(broker.declared.get('billing')?.subscriptions).toEqual([orders, moved]);
    expect(registration.isRegistered).toBe(false);
    const receiver = receiverFor(registration);
    const deliver = async (subscription: string) => {
      const request = hookRequestOf(orderEvent('a'), { secret: broker.secretOf(subscription), subscription });
      return (await receiver.fetch(new Request('http://billing/', request))).status;
    };
    expect([await deliver('billing.orders'), await deliver('billing.refunds')]).toEqual([204, 401]);
    expect(lines).toEqual([]);
  });

  test('says so once and renews the leases', async () => {
    const { broker, registration, lines } = await rolledOut();
    registration.start();
    await until(() => broker.heartbeats.length >= 3);
    expect(lines).toEqual(['warn A newer revision of billing than 7 is registered, and is left as it is']);
  });

  test('learns of a secret that is changed then', async () => {
    const { broker, registration } = await rolledOut();
    registration.start();
    await until(() => registration.secretsOf('billing.orders').length === 1);
    const secret = broker.rotate('billing.orders');
    const delivery = { secret, subscription: 'billing.orders' };
    const request = () => new Request('http://billing/', hookRequestOf(orderEvent('a'), delivery));
    const receiver = receiverFor(registration);
    expect((await receiver.fetch(request())).status).toBe(401);
    await until(() => registration.secretsOf('billing.orders')[0] === secret);
    expect((await receiver.fetch(request())).status).toBe(204);
  });

  test('answers 503 as long as nothing of the newer one is its own, and asks again', async () => {
    const { broker, registration: newer } = await setup({ revision: 8, subscriptions: [moved] });
    await newer.runOnce();
    const { registration, lines } = await setup({ revision: 7, subscriptions: [refunds] }, broker);
    expect(await registration.runOnce()).toMatchObject({ kind: 'refused', code: 'revision-outdated' });
    const request = hookRequestOf(orderEvent('a'), { secret: broker.secretOf('billing.refunds') });
    expect((await receiverFor(registration).fetch(new Request('http://billing/', request))).status).toBe(503);
    broker.declared.delete('billing');
    expect(await registration.runOnce()).toMatchObject({ kind: 'registered' });
    expect(lines).toEqual([]);
  });
});

test('requests are refused with 503 until the secret is known, and accepted from then on', async () => {
  const { broker, registration } = await setup();
  const receiver = receiverFor(registration);
  const deliver = async (secret: string, subscription?: string) => {
    const delivery = { secret, ...(subscription === undefined ? {} : { subscription }) };
    return (await receiver.fetch(new Request('http://billing/', hookRequestOf(orderEvent('a'), delivery)))).status;
  };
  const secret = broker.secretOf('billing.orders');
  expect(await deliver(secret)).toBe(503);
  await registration.runOnce();
  expect(await deliver(secret, 'billing.orders')).toBe(204);
  expect(await deliver(broker.rotate('billing.orders'), 'billing.orders')).toBe(401);
});

test('the secret of one subscription does not open another', async () => {
  const refunds = { ...orders, name: 'billing.refunds' };
  const { broker, registration } = await setup({ subscriptions: [orders, refunds] });
  const receiver = receiverFor(registration);
  await registration.runOnce();
  const request = hookRequestOf(orderEvent('a'), {
    secret: broker.secretOf('billing.refunds'),
    subscription: 'billing.orders',
  });
  expect((await receiver.fetch(new Request('http://billing/', request))).status).toBe(401);
});

test.each([
  ['no subscription', {}, 401],
  ['a subscription of somebody else', { subscription: 'audit.orders' }, 401],
  ['a topic it was not declared for', { subscription: 'billing.orders', topic: 'payments.made' }, 404],
])('a genuine request that names %s runs no handler', async (_, named, status) => {
  const { broker, registration } = await setup();
  await registration.runOnce();
  const seen: unknown[] = [];
  const receiver = createReceiver({ registration, on: { '**': (data) => seen.push(data) }, onRefused: () => {} });
  const request = hookRequestOf(orderEvent('a'), { secret: broker.secretOf('billing.orders'), ...named });
  expect((await receiver.fetch(new Request('http://billing/', request))).status).toBe(status);
  expect(seen).toEqual([]);
});

test('behind a failed event of a strict subscription, nothing of its batch is handled', async () => {
  const { broker, registration } = await setup({ subscriptions: [{ ...orders, ordering: 'strict' }] });
  await registration.runOnce();
  const seen: string[] = [];
  const receiver = createReceiver({
    registration,
    onError: () => {},
    on: {
      'orders.*': (_data, { id }) => {
        seen.push(id);
        if (id === 'b') throw new Error('not now');
      },
    },
  });
  const delivery = { secret: broker.secretOf('billing.orders'), subscription: 'billing.orders' };
  const batch = batchRequestOf(
    ['a', 'b', 'c'].map((id) => orderEvent(id)),
    delivery,
  );
  const answer = await receiver.fetch(new Request('http://billing/', batch));
  expect(seen).toEqual(['a', 'b']);
  expect(await answer.json()).toEqual({
    results: [
      { id: 'b', verdict: 'retry' },
      { id: 'c', verdict: 'retry' },
    ],
  });
});

test('a restarted service learns the same secrets from the same declaration', async () => {
  const { broker, registration } = await setup();
  await registration.runOnce();
  const { registration: restarted } = await setup({}, broker);
  await restarted.runOnce();
  expect(restarted.secretsOf('billing.orders')).toEqual(registration.secretsOf('billing.orders'));
});

test('a secret that was changed on the broker is fetched when a signature fails, without a restart', async () => {
  const { broker, registration } = await setup();
  const receiver = receiverFor(registration);
  registration.start();
  await until(() => registration.isRegistered);
  const secret = broker.rotate('billing.orders');
  const request = () => hookRequestOf(orderEvent('a'), { secret, subscription: 'billing.orders' });
  const deliver = () => receiver.fetch(new Request('http://billing/', request()));
  expect((await deliver()).status).toBe(401);
  await until(() => registration.secretsOf('billing.orders')[0] === secret);
  expect((await deliver()).status).toBe(204);
  // Forged requests cannot make it ask again and again.
  for (let n = 0; n < 20; n += 1)
    await receiver.fetch(
      new Request('http://billing/', hookRequestOf(orderEvent('b'), { secret: broker.rotate('other') })),
    );
  expect(broker.server.requests).toHaveLength(2);
});

test('a key that may not see secrets is told to give them, and nothing is accepted', async () => {
  const broker = await servicesApi({ showsSecrets: false });
  open.push(broker);
  const { registration, lines } = await setup({}, broker);
  await registration.runOnce();
  expect(lines).toEqual([
    'warn The key may not see the secret of billing.orders: give the receiver `secrets` yourself',
  ]);
  const request = hookRequestOf(orderEvent('a'), { secret: broker.secretOf('billing.orders') });
  expect((await receiverFor(registration).fetch(new Request('http://billing/', request))).status).toBe(503);
});

test('leases are renewed, and a service the broker forgot is declared again', async () => {
  const { broker, registration } = await setup({ subscriptions: [{ ...orders, leaseSeconds: 0.03 }] });
  registration.start();
  await until(() => broker.heartbeats.length >= 3);
  broker.declared.clear();
  await until(() => broker.declared.has('billing'));
  const renewed = broker.heartbeats.length;
  await until(() => broker.heartbeats.length > renewed);
});

test('without a lease there is nothing to renew', async () => {
  const { broker, registration } = await setup();
  registration.start();
  await until(() => registration.isRegistered);
  expect(await registration.runOnce()).toEqual({ kind: 'renewed' });
  expect(broker.server.requests).toHaveLength(2);
});

test('stop ends the attempts', async () => {
  const { broker, registration } = await setup({ retry: { baseMs: 1, maxMs: 1 } });
  broker.server.respondWith(() => 503);
  registration.start();
  await until(() => broker.server.requests.length >= 2);
  registration.stop();
  const before = broker.server.requests.length;
  const rounds = 10;
  for (let n = 0; n < rounds; n += 1) expect(await registration.runOnce()).toMatchObject({ kind: 'unavailable' });
  // One attempt may have been under way when it was stopped.
  expect(broker.server.requests.length).toBeLessThanOrEqual(before + 1 + rounds);
});

test('a broker that does not listen is unavailable, with the reason', async () => {
  const { broker, registration } = await setup();
  await broker.close();
  const detail: unknown = expect.stringContaining('ECONNREFUSED');
  expect(await registration.runOnce()).toMatchObject({ kind: 'unavailable', detail });
});

test.each<[string, Partial<RegistrationOptions>, string]>([
  ['no key', { broker: { url: 'http://127.0.0.1:8080', apiKey: undefined } }, 'broker.apiKey is missing'],
  ['no URL', { broker: { url: 'broker', apiKey: 'k' } }, 'broker.url is no http or https URL'],
  ['a bad name', { service: 'Billing!' }, '"Billing!" is no service name'],
])('%s is told when the registration is made', async (_, options, words) => {
  await expect(setup(options)).rejects.toThrow(words);
});
