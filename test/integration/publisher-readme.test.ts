import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createPublisher, PublishError } from '@hookcast/publisher';
import { HookcastPublisher, HookcastPublisherModule } from '@hookcast/publisher/nest';
import { publishApi, type PublishApi } from './publish-api.js';
import { unprovenBlocks } from './readme-code.js';

let api: PublishApi;
beforeEach(async () => {
  api = await publishApi();
  vi.stubEnv('HOOKCAST_URL', api.url);
  vi.stubEnv('HOOKCAST_API_KEY', 'good-key');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await api.close();
});

test('publishes', async () => {
  // #region README
  const { HOOKCAST_URL = 'http://127.0.0.1:8080', HOOKCAST_API_KEY } = process.env;
  const bus = createPublisher({ url: HOOKCAST_URL, apiKey: HOOKCAST_API_KEY, source: '/orders' });

  const order = { orderId: 42, customer: 'customer-7', total: 99.5 };
  const { position } = await bus.publish('orders.created', order, {
    id: `order-${order.orderId}`,
    key: order.customer,
  });
  // #endregion
  expect(position).toBe('1:1');

  // #region README
  await bus.publish('orders.export', Buffer.from('a;b\n1;2\n'), { contentType: 'text/csv' });
  await bus.publish('orders.reminder', { orderId: 42 }, { delay: '30m', expiresAt: new Date(Date.now() + 86_400_000) });
  await bus.publishBatch('orders.shipped', [{ data: { orderId: 41 } }, { data: { orderId: 42 } }]);
  // #endregion
  expect(api.stored).toHaveLength(5);

  // #region README
  try {
    await bus.publish('orders.created', order, { id: `order-${order.orderId}`, key: order.customer });
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    console.error(error.reason, error.code, error.status, error.message);
    if (error.retryable) await bus.publish('orders.created', order, { id: error.eventId });
  }
  // #endregion

  // #region README
  await bus.close({ timeoutMs: 10_000 });
  // #endregion
});

// #region README
@Injectable()
export class Orders {
  constructor(private readonly bus: HookcastPublisher) {}

  async place(order: { orderId: string }) {
    await this.bus.publish('orders.created', order);
  }
}

@Module({
  imports: [
    HookcastPublisherModule.forRootAsync({
      useFactory: () => ({ url: 'http://127.0.0.1:8080', apiKey: process.env['HOOKCAST_API_KEY'] }),
    }),
  ],
  providers: [Orders],
})
export class OrdersModule {}
// #endregion

test('publishes with a spool', async () => {
  const { HOOKCAST_URL = '', HOOKCAST_API_KEY } = process.env;
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'hookcast-spool-'));
  // #region README
  const bus = createPublisher({
    url: HOOKCAST_URL,
    apiKey: HOOKCAST_API_KEY,
    mode: 'spool',
    spool: { directory: spoolDirectory },
  });
  // #endregion
  api.away();
  expect(await bus.publish('orders.created', {})).toMatchObject({ spooled: true });
  await bus.close();
  rmSync(spoolDirectory, { recursive: true });
});

test('gives a Nest application its publisher', async () => {
  const app = await NestFactory.createApplicationContext(OrdersModule, { logger: false });
  expect(app.get(HookcastPublisher).buffered).toEqual({ events: 0, bytes: 0 });
  await app.close();
});

test('every TypeScript block of the README is code of this file', () => {
  const readme = new URL('../../libs/publisher/README.md', import.meta.url);
  expect(unprovenBlocks(readme, import.meta.url)).toEqual([]);
});
