import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import { generateSecret } from '@hookcast/protocol';
import {
  createPublicKeys,
  createReceiver,
  createRegistration,
  DeadLetter,
  Drop,
  HookRequestError,
  Retry,
  RetryAfter,
  verifyHookRequest,
} from '@hookcast/receiver';
import { HookcastReceiver, HookcastReceiverModule, OnEvent, type EventContext } from '@hookcast/receiver/nest';
import { until } from '../support/until.js';
import { unprovenBlocks } from './readme-code.js';
import { servicesApi, type ServicesApi } from './services-api.js';
import { hookRequestOf, orderEvent, signingPair } from './signed-delivery.js';

interface Order {
  orderId: string;
}

const written: string[] = [];
const writeInvoice = async (id: string, order: Order) => void written.push(`${id} ${order.orderId}`);
let broker: ServicesApi;
beforeEach(async () => {
  written.length = 0;
  broker = await servicesApi();
  vi.stubEnv('HOOKCAST_API_KEY', 'good-key');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await broker.close();
});

// #region README
@Injectable()
export class Invoices {
  @OnEvent('orders.created')
  async write(order: Order, { id }: EventContext) {
    await writeInvoice(id, order);
  }

  @OnEvent(['orders.*', 'refunds.**'], { subscription: 'billing.audit', concurrency: 4 })
  audit(_: unknown, { topic, attempt, replay }: EventContext) {
    console.log(topic, attempt, replay);
  }
}

@Module({
  imports: [
    HookcastReceiverModule.forRootAsync({
      path: '/hooks',
      useFactory: () => ({
        service: 'billing',
        url: 'http://billing:3000',
        broker: {
          url: process.env['HOOKCAST_URL'] ?? 'http://127.0.0.1:8080',
          apiKey: process.env['HOOKCAST_API_KEY'],
        },
      }),
    }),
  ],
  providers: [Invoices],
})
export class BillingModule {}
// #endregion

test('a Nest application registers and handles', async () => {
  vi.stubEnv('HOOKCAST_URL', broker.url);
  const app = await NestFactory.create(BillingModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  await until(() => app.get(HookcastReceiver).registration?.isRegistered);
  const subscription = 'billing.orders.created';
  const { port } = app.getHttpServer().address() as AddressInfo;
  const delivery = { secret: broker.secretOf(subscription), subscription };
  const { status } = await fetch(`http://127.0.0.1:${port}/hooks`, hookRequestOf(orderEvent('o1'), delivery));
  expect([status, written]).toEqual([204, ['o1 o1']]);
  expect(broker.declared.get('billing')?.subscriptions.map(({ name }) => name)).toEqual([
    subscription,
    'billing.audit',
  ]);
  await app.close();
});

test('plain servers', async () => {
  const secret = generateSecret();
  // #region README
  const receiver = createReceiver({
    secrets: [secret],
    on: { 'orders.*': (order: Order, { id }) => writeInvoice(id, order) },
  });

  const app = express().use('/hooks', receiver.node).use(express.json());
  // #endregion

  // #region README
  const POST = (request: Request) => receiver.fetch(request);
  // #endregion

  // #region README
  async function answer(headers: Record<string, string>, body: Buffer): Promise<number> {
    try {
      const { events } = verifyHookRequest({ headers, body }, { secrets: [secret] });
      for (const { data, context } of events) console.log(context.id, data);
      return 204;
    } catch (error) {
      if (error instanceof HookRequestError) return error.status;
      throw error;
    }
  }
  // #endregion

  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const request = hookRequestOf(orderEvent('o1'), { secret });
  expect((await fetch(`http://127.0.0.1:${port}/hooks`, request)).status).toBe(204);
  expect((await POST(new Request('http://billing/hooks', request))).status).toBe(204);
  expect(written).toEqual(['o1 o1', 'o1 o1']);
  expect(await answer(request.headers as Record<string, string>, request.body)).toBe(204);
  expect(await answer({}, request.body)).toBe(401);
  server.close();
  server.closeAllConnections();
});

test('a plain service registers', async () => {
  const brokerUrl = broker.url;
  // #region README
  const registration = createRegistration({
    broker: { url: brokerUrl, apiKey: process.env['HOOKCAST_API_KEY'] },
    service: 'billing',
    subscriptions: [{ name: 'billing.orders', topics: ['orders.*'], url: 'http://billing:3000/hooks' }],
  });
  const receiver = createReceiver({
    registration,
    on: { 'orders.*': (order: Order, { id }) => writeInvoice(id, order) },
  });
  registration.start();
  // #endregion
  await until(() => registration.isRegistered);
  const subscription = 'billing.orders';
  const request = hookRequestOf(orderEvent('o1'), { secret: broker.secretOf(subscription), subscription });
  expect((await receiver.fetch(new Request('http://billing/hooks', request))).status).toBe(204);
  registration.stop();
});

test('a plain service takes the public keys of the broker', async () => {
  const brokerUrl = broker.url;
  const { secret, publicKey } = signingPair();
  broker.publish(publicKey);
  // #region README
  const receiver = createReceiver({
    publicKeys: createPublicKeys({ url: brokerUrl }),
    on: { 'orders.*': (order: Order, { id }) => writeInvoice(id, order) },
  });
  // #endregion
  const request = hookRequestOf(orderEvent('o1'), { secret });
  const status = async () => (await receiver.fetch(new Request('http://billing/hooks', request))).status;
  await until(async () => (await status()) === 204);
  expect(written[0]).toBe('o1 o1');
});

test('handlers throw verdicts', async () => {
  interface Payment {
    test?: boolean;
    currency?: string;
    account?: string;
    bank?: string;
  }
  const secret = generateSecret();
  const isLocked = async (account = '') => account === 'locked';
  const isClosed = async (bank = '') => bank === 'closed';
  // #region README
  const receiver = createReceiver({
    secrets: [secret],
    on: {
      'payments.*': async (payment: Payment) => {
        if (payment.test) throw new Drop(); // settled, counted as dropped
        if (payment.currency === 'XXX') throw new DeadLetter('no such currency'); // kept as a dead letter, at once
        if (await isLocked(payment.account)) throw new Retry(); // again, on the schedule of the subscription
        if (await isClosed(payment.bank)) throw new RetryAfter(600); // again, but not within ten minutes
      },
    },
  });
  // #endregion
  const answerTo = async (payment: Payment) => {
    const request = hookRequestOf(orderEvent('p1', payment), { secret, topic: 'payments.made' });
    const { headers } = await receiver.fetch(new Request('http://billing/hooks', request));
    return [headers.get('hookcast-verdict'), headers.get('retry-after')];
  };
  expect(await answerTo({ test: true })).toEqual(['drop', null]);
  expect(await answerTo({ currency: 'XXX' })).toEqual(['dead-letter', null]);
  expect(await answerTo({ account: 'locked' })).toEqual(['retry', null]);
  expect(await answerTo({ bank: 'closed' })).toEqual(['retry', '600']);
  expect(await answerTo({})).toEqual([null, null]);
});

test('every block of code in the README is that of a test', () => {
  const readme = new URL('../../libs/receiver/README.md', import.meta.url);
  const others = ['receiver-senders', 'receiver-inbox', 'nest-inbox'].map(
    (name) => new URL(`${name}.test.ts`, import.meta.url),
  );
  expect(unprovenBlocks(readme, import.meta.url, ...others)).toEqual([]);
});
