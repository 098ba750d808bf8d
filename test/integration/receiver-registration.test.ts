import { createReceiver, createRegistration, type Registration, type RegistrationOptions } from '@hookcast/receiver';
import { until } from '../support/until.js';
import { servicesApi, type ServicesApi } from './services-api.js';
import { hookRequestOf, orderEvent } from './signed-delivery.js';

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
  expect(registration.secretsOf(undefined)).toHaveLength(2);
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

test('an instance of an older deploy does not take the subscriptions back', async () => {
  const { broker, registration: newer } = await setup({ revision: 8 });
  await newer.runOnce();
  const { registration: older } = await setup({ revision: 7, subscriptions: [] }, broker);
  expect(await older.runOnce()).toMatchObject({ kind: 'refused', status: 409 });
  expect(broker.declared.get('billing')?.subscriptions).toEqual([orders]);
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
  expect(await deliver(secret)).toBe(204);
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
  const deliver = () => receiver.fetch(new Request('http://billing/', hookRequestOf(orderEvent('a'), { secret })));
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
