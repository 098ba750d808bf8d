import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createPublisher, type Publisher } from '@hookcast/publisher';
import { createReceiver, createRegistration, type EventContext, type SubscriptionSettings } from '@hookcast/receiver';
import { adminKey, freePort, type BrokerProcess } from '../support/broker.js';
import { brokerOnDatabase } from '../support/broker-on-database.js';
import { until } from '../support/until.js';

let broker: BrokerProcess;
let bus: Publisher;
beforeAll(async () => {
  broker = await brokerOnDatabase();
  await broker.start();
  bus = createPublisher({ url: broker.url, apiKey: adminKey, source: '/e2e' });
});
afterAll(async () => {
  await bus.close();
  await broker.remove();
});

describe('the publisher SDK against the broker', () => {
  test('concurrent calls are stored, and only the bad ones are refused', async () => {
    await bus.publish('sdk.mixed', { version: 1 }, { id: 'taken' });
    const calls = Array.from({ length: 300 }, (_, n) => {
      if (n === 100) return bus.publish('sdk.mixed', { version: 2 }, { id: 'taken' });
      if (n === 200) return bus.publish('sdk.mixed', {}, { subject: '' });
      if (n === 250) return bus.publish('sdk.mixed', 'x'.repeat(300 * 1024));
      return bus.publish('sdk.mixed', { n }, { id: `mixed-${n}` });
    });
    const results = await Promise.allSettled(calls);
    const refused = results.flatMap((result, n) => (result.status === 'rejected' ? [[n, result.reason.reason]] : []));
    expect(refused).toEqual([
      [100, 'conflict'],
      [200, 'refused'],
      [250, 'too-large'],
    ]);
    const { body } = await broker.api('GET', '/v1/events/mixed-299');
    expect(body).toMatchObject({ topic: 'sdk.mixed' });
  });

  test('the same publish again is a duplicate, not a conflict', async () => {
    const first = await bus.publish('sdk.again', { total: 1 }, { id: 'again', key: 'k' });
    expect(await bus.publish('sdk.again', { total: 1 }, { id: 'again', key: 'k' })).toEqual({
      ...first,
      duplicate: true,
    });
  });

  test('a batch is stored whole or not at all', async () => {
    const error: unknown = await bus
      .publishBatch('sdk.batch', [{ id: 'whole-1' }, { subject: '' }])
      .catch((one: unknown) => one);
    expect(error).toMatchObject({ reason: 'refused', status: 422 });
    expect((await broker.api('GET', '/v1/events/whole-1')).status).toBe(404);
    expect(await bus.publishBatch('sdk.batch', [{ id: 'whole-1' }, { id: 'whole-2' }])).toHaveLength(2);
  });
});

describe('the receiver SDK against the broker', () => {
  const open: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });

  async function service(name: string, topics: string[], settings: SubscriptionSettings = {}) {
    const seen: { data: unknown; context: EventContext }[] = [];
    const refusals: string[] = [];
    const server = http.createServer((request, response) => void receiver.node(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
    const registration = createRegistration({
      broker: { url: broker.url, apiKey: adminKey },
      service: name,
      subscriptions: [{ name: `${name}.all`, topics, url, ...settings }],
      log: { info: () => {}, warn: () => {}, error: () => {} },
    });
    const receiver = createReceiver({
      registration,
      on: { [topics[0] ?? '**']: (data, context) => void seen.push({ data, context }) },
      onRefused: ({ reason }) => refusals.push(reason),
    });
    open.push(
      () => server.close(),
      () => server.closeAllConnections(),
      () => registration.stop(),
    );
    registration.start();
    await until(() => registration.isRegistered, { what: 'the registration' });
    return { seen, refusals, registration };
  }

  test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
    'a registered service gets what is published, verified with the secret it was told: %s',
    async (format) => {
      const { seen, refusals } = await service(`svc-${format}`, [`fmt.${format}`], { format });
      const data = { total: 99.5, text: 'à la carte' };
      const { id, position } = await bus.publish(`fmt.${format}`, data, { key: 'k1', type: 'shop.order' });
      const png = await bus.publish(`fmt.${format}`, Buffer.from([0x89, 0, 255]), { contentType: 'image/png' });
      await until(() => seen.length === 2, { what: 'both deliveries' });
      const [first, second] = [id, png.id].map((one) => seen.find(({ context }) => context.id === one));
      expect(first?.data).toEqual(data);
      expect(first?.context).toMatchObject({
        topic: `fmt.${format}`,
        subscription: `svc-${format}.all`,
        type: 'shop.order',
        attempt: 1,
        position,
      });
      expect(second?.data).toEqual(Buffer.from([0x89, 0, 255]));
      expect(refusals).toEqual([]);
    },
  );

  test('a service that starts again knows its secret again', async () => {
    const first = await service('restarted', ['restart.topic']);
    const second = await service('restarted', ['restart.topic']);
    expect(second.registration.secretsOf('restarted.all')).toEqual(first.registration.secretsOf('restarted.all'));
    await bus.publish('restart.topic', {});
    await until(() => second.seen.length === 1, { what: 'the delivery to the second instance' });
  });

  test('a secret that is rotated without grace is learned from the first delivery it signs', async () => {
    const { seen, refusals } = await service('rotating', ['rotate.topic'], {
      retry: { schedule: [1, 1, 1], jitter: 0 },
    });
    await broker.api('POST', '/v1/subscriptions/rotating.all/rotate-secret', { graceSeconds: 0 });
    let published = 0;
    // Until the worker has heard of the rotation it signs with the secret that the service knows.
    const isRefused = async () => {
      await bus.publish('rotate.topic', {});
      published += 1;
      return refusals.length > 0;
    };
    await until(isRefused, { what: 'a delivery that is signed with the new secret' });
    await until(() => seen.length === published, { what: 'every delivery' });
    expect(new Set(refusals)).toEqual(new Set(['no-match']));
  });

  test('a service that asks for Ed25519 verifies with the keys that the broker publishes', async () => {
    const { seen, registration } = await service('asymmetric', ['asymmetric.topic'], {
      signature: 'ed25519',
      retry: { schedule: [1, 1, 1], jitter: 0 },
    });
    expect(registration.secretsOf('asymmetric.all')).toEqual([]);
    await bus.publish('asymmetric.topic', { n: 1 });
    await until(() => seen.length === 1, { what: 'the delivery' });
    expect(registration.publicKeysOf?.('asymmetric.all')).toEqual([expect.stringMatching(/^whpk_/)]);
  });

  test('a lease is kept alive', async () => {
    await service('leased', ['lease.topic'], { leaseSeconds: 1 });
    const leasedUntil = async () => {
      const { body } = await broker.api('GET', '/v1/subscriptions/leased.all');
      return (body as { leasedUntil: string; state: string }).leasedUntil;
    };
    const first = await leasedUntil();
    await until(async () => (await leasedUntil()) > first, { what: 'a renewed lease' });
  });
});

test('the shop shows an order, its payment and both mails, and ends cleanly', async () => {
  const [orders, billing, email] = [await freePort(), await freePort(), await freePort()];
  const shop: ChildProcess = fork(fileURLToPath(new URL('../../examples/shop/dist/main.js', import.meta.url)), {
    silent: true,
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      HOOKCAST_URL: broker.url,
      HOOKCAST_API_KEY: adminKey,
      ORDERS_PORT: String(orders),
      BILLING_PORT: String(billing),
      EMAIL_PORT: String(email),
      ORDER_EVERY_MS: '0',
    },
  });
  const exited = once(shop, 'exit');
  let lines = '';
  shop.stdout?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  shop.stderr?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const printed = (text: string | RegExp) => until(() => lines.match(text), { what: `"${text}" in:\n${lines}` });
  try {
    for (const text of ['billing is registered', 'email is registered', /orders +listens on/]) await printed(text);
    const response = await fetch(`http://127.0.0.1:${orders}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customer: 'ada@example.com', total: 42 }),
    });
    expect(response.status).toBe(201);
    await printed(/email +to ada@example.com: thank you for your order/);
    await printed(/billing +charged 42 € for order/);
    await printed(/email +to ada@example.com: your payment of 42 €/);
  } finally {
    shop.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
});
