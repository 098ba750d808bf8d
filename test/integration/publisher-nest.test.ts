import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HookcastPublisher, HookcastPublisherModule } from '@hookcast/publisher/nest';
import { until } from '../support/until.js';
import { publishApi, type PublishApi } from './publish-api.js';

let api: PublishApi;
beforeEach(async () => {
  api = await publishApi();
});
afterEach(() => api.close());

@Injectable()
class Orders {
  constructor(private readonly bus: HookcastPublisher) {}

  place(orderId: number) {
    return this.bus.publish('orders.created', { orderId }, { id: `order-${orderId}` });
  }
}

@Module({ providers: [Orders], exports: [Orders] })
class OrdersModule {}

const start = (imports: object[]) => {
  @Module({ imports: [OrdersModule, ...imports] as never[] })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
};

test('forRoot gives every module a publisher', async () => {
  const app = await start([HookcastPublisherModule.forRoot({ url: api.url, apiKey: 'good-key' })]);
  expect(await app.get(Orders, { strict: false }).place(42)).toMatchObject({ id: 'order-42', position: '1:1' });
  await app.close();
});

test('forRootAsync takes its options from the container', async () => {
  const settings = { provide: 'SETTINGS', useFactory: () => ({ url: api.url, key: 'good-key' }) };

  @Module({ providers: [settings], exports: ['SETTINGS'] })
  class SettingsModule {}

  const app = await start([
    HookcastPublisherModule.forRootAsync({
      imports: [SettingsModule],
      inject: ['SETTINGS'],
      useFactory: ({ url, key }: { url: string; key: string }) => ({ url, apiKey: key, source: '/orders' }),
    }),
  ]);
  await app.get(Orders, { strict: false }).place(1);
  expect(api.stored).toMatchObject([{ id: 'order-1', source: '/orders' }]);
  await app.close();
});

test('isGlobal: false leaves it to the modules that import it', async () => {
  const options = { url: api.url, apiKey: 'good-key', isGlobal: false };
  await expect(start([HookcastPublisherModule.forRoot(options)])).rejects.toThrow(/HookcastPublisher/);
});

test('closing the application waits for events under way', async () => {
  const app = await start([HookcastPublisherModule.forRoot({ url: api.url, apiKey: 'good-key' })]);
  const orders = app.get(Orders, { strict: false });
  const release = api.hold();
  const placed = orders.place(7);
  await until(() => api.server.requests.length === 1);
  const closed = app.close();
  release();
  expect(await placed).toMatchObject({ id: 'order-7' });
  await closed;
  await expect(orders.place(8)).rejects.toMatchObject({ reason: 'closed' });
});

test('a missing key stops the start and says so', async () => {
  await expect(start([HookcastPublisherModule.forRoot({ url: api.url, apiKey: undefined })])).rejects.toThrow(
    'createPublisher: apiKey is missing',
  );
});
