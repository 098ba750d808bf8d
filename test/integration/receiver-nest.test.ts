import type { AddressInfo } from 'node:net';
import {
  Controller,
  Injectable,
  Module,
  Post,
  Body,
  Scope,
  UseGuards,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { generateSecret } from '@hookcast/protocol';
import {
  HookcastReceiver,
  HookcastReceiverModule,
  OnEvent,
  type EventContext,
  type HookcastReceiverModuleExtras,
  type HookcastReceiverModuleOptions,
} from '@hookcast/receiver/nest';
import { until } from '../support/until.js';
import { servicesApi, type ServicesApi } from './services-api.js';
import { batchRequestOf, hookRequestOf, orderEvent, type Delivery } from './signed-delivery.js';

const secret = generateSecret();
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** What the handlers saw: `method id`. */
let seen: string[] = [];
let contexts: EventContext[] = [];
beforeEach(() => {
  seen = [];
  contexts = [];
});

@Injectable()
class Billing {
  @OnEvent('orders.created')
  bill(order: { orderId: string }, context: EventContext): void {
    seen.push(`bill ${order.orderId}`);
    contexts.push(context);
  }

  @OnEvent('orders.created')
  async thank({ orderId }: { orderId: string }): Promise<void> {
    await Promise.resolve();
    if (orderId === 'poison') throw new Error('cannot thank for poison');
    seen.push(`thank ${orderId}`);
  }
}

@Controller('orders')
class Audit {
  @OnEvent(['orders.*', 'payments.**'], { concurrency: 4 })
  note(_: unknown, { id, topic }: EventContext): void {
    seen.push(`note ${topic} ${id}`);
  }

  @Post()
  place(@Body() order: { orderId: string }): { got: string } {
    return { got: order.orderId };
  }
}

type Options = HookcastReceiverModuleOptions & HookcastReceiverModuleExtras;

function appModule(options: Options, parts: { providers?: Type[]; controllers?: Type[] } = {}): Type {
  @Module({
    imports: [HookcastReceiverModule.forRoot(options)],
    providers: parts.providers ?? [Billing],
    controllers: parts.controllers ?? [Audit],
  })
  class AppModule {}
  return AppModule;
}

async function start(
  module: Type,
  configure: (app: NestExpressApplication) => void = () => {},
): Promise<{ app: NestExpressApplication; url: string }> {
  const app = await NestFactory.create<NestExpressApplication>(module, { logger: false, abortOnError: false });
  open.push(app);
  configure(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}` };
}

const post = async (url: string, id: string, delivery: Partial<Delivery> = {}) => {
  const response = await fetch(url, hookRequestOf(orderEvent(id), { secret, ...delivery }));
  return { status: response.status, body: await response.text() };
};

describe('an application with handlers', () => {
  test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
    'runs every handler of a %s request, though the application parses JSON and keeps no raw bytes',
    async (format) => {
      const { url } = await start(appModule({ secrets: [secret] }));
      expect(await post(`${url}/hooks`, 'a', { format })).toEqual({ status: 204, body: '' });
      expect(seen.toSorted()).toEqual(['bill a', 'note orders.created a', 'thank a']);
      expect(contexts).toMatchObject([{ id: 'a', topic: 'orders.created', attempt: 1, replay: false }]);
    },
  );

  test('still has its bodies parsed on its own routes', async () => {
    const { url } = await start(appModule({ secrets: [secret] }));
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"orderId":"7"}' };
    expect(await (await fetch(`${url}/orders`, init)).json()).toEqual({ got: '7' });
  });

  test('answers 500 when one handler fails, after the others have run', async () => {
    const { url } = await start(appModule({ secrets: [secret] }));
    expect(await post(`${url}/hooks`, 'poison')).toEqual({ status: 500, body: '' });
    expect(seen.toSorted()).toEqual(['bill poison', 'note orders.created poison']);
  });

  test('answers a batch event by event', async () => {
    const { url } = await start(appModule({ secrets: [secret] }));
    const events = ['a', 'poison', 'b'].map((id) => orderEvent(id));
    const response = await fetch(`${url}/hooks`, batchRequestOf(events, { secret }));
    expect([response.status, await response.json()]).toEqual([200, { results: [{ id: 'poison', verdict: 'retry' }] }]);
  });

  test('refuses a forged request, and one for a topic nobody handles', async () => {
    const { url } = await start(appModule({ secrets: [secret] }));
    expect(await post(`${url}/hooks`, 'a', { secret: generateSecret() })).toEqual({ status: 401, body: '' });
    expect(await post(`${url}/hooks`, 'a', { topic: 'refunds.created' })).toEqual({ status: 404, body: '' });
    expect(seen).toEqual([]);
  });

  test('refuses a body over the limit before it is parsed', async () => {
    const { url } = await start(appModule({ secrets: [secret], maxBodyBytes: 100 }));
    expect(await post(`${url}/hooks`, 'a')).toEqual({ status: 413, body: '' });
  });

  test('has its hook where the path and the global prefix say', async () => {
    const module = appModule({ secrets: [secret], path: 'internal/events' });
    const { url } = await start(module, (app) => app.setGlobalPrefix('api'));
    expect((await post(`${url}/api/internal/events`, 'a', { format: 'standard-webhooks' })).status).toBe(204);
    expect((await post(`${url}/API/internal/events/?x=1`, 'b', { format: 'standard-webhooks' })).status).toBe(204);
    expect((await post(`${url}/internal/events`, 'c')).status).toBe(404);
  });

  test('is reached with URI versioning and with rawBody', async () => {
    const app = await NestFactory.create<NestExpressApplication>(appModule({ secrets: [secret] }), {
      logger: false,
      rawBody: true,
    });
    open.push(app);
    app.enableVersioning();
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    expect((await post(`http://127.0.0.1:${port}/hooks`, 'a', { format: 'standard-webhooks' })).status).toBe(204);
  });

  test('answers a handshake, though CORS answers other OPTIONS', async () => {
    const { url } = await start(appModule({ secrets: [secret] }), (app) => app.enableCors());
    const headers = { 'webhook-request-origin': 'broker.test' };
    const response = await fetch(`${url}/hooks`, { method: 'OPTIONS', headers });
    expect(response.headers.get('webhook-allowed-origin')).toBe('broker.test');
    expect((await fetch(`${url}/orders`, { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBe('*');
  });

  test('lets decorators be put on the hook', async () => {
    @Injectable()
    class Nobody implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const { url } = await start(appModule({ secrets: [secret], decorators: [UseGuards(Nobody)] }));
    expect((await post(`${url}/hooks`, 'a')).status).toBe(403);
  });

  test('works in a testing module, which has its HTTP adapter late', async () => {
    const testing = await Test.createTestingModule({ imports: [appModule({ secrets: [secret] })] }).compile();
    const app = testing.createNestApplication<NestExpressApplication>({ logger: false });
    open.push(app);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    expect((await post(`http://127.0.0.1:${port}/hooks`, 'a', { format: 'standard-webhooks' })).status).toBe(204);
  });

  test('takes its options from the container', async () => {
    @Module({
      imports: [HookcastReceiverModule.forRootAsync({ path: '/in', useFactory: () => ({ secrets: [secret] }) })],
      providers: [Billing],
    })
    class AppModule {}
    const { url } = await start(AppModule);
    expect((await post(`${url}/in`, 'a')).status).toBe(204);
  });

  test('another HTTP adapter than Express and Fastify stops the start and says so', async () => {
    class OtherAdapter extends ExpressAdapter {
      override getType(): string {
        return 'koa';
      }
    }
    const options = { logger: false, abortOnError: false } as const;
    const starting = NestFactory.create(appModule({ secrets: [secret] }), new OtherAdapter(), options);
    await expect(starting).rejects.toThrow('HookcastReceiverModule needs @nestjs/platform-express or -fastify');
  });

  test('starts without an HTTP server, with no hook', async () => {
    const app = await NestFactory.createApplicationContext(appModule({ secrets: [secret] }), { logger: false });
    open.push(app);
    const { status } = await app.get(HookcastReceiver).handle({ method: 'POST', headers: {}, body: Buffer.alloc(0) });
    expect(status).toBe(401);
  });
});

describe('registration', () => {
  let broker: ServicesApi;
  beforeEach(async () => {
    broker = await servicesApi();
    open.push(broker);
  });

  const registered = (extra: Partial<Options> = {}): Options => ({
    broker: { url: broker.url, apiKey: 'good-key' },
    service: 'billing',
    url: 'http://billing:3000',
    ...extra,
  });

  test('declares a subscription for every pattern once the service listens', async () => {
    await start(appModule(registered({ revision: 3, subscriptions: { timeoutMs: 5_000 } })), (app) =>
      app.setGlobalPrefix('api'),
    );
    await until(() => broker.declared.has('billing'));
    const url = 'http://billing:3000/api/hooks';
    expect(broker.declared.get('billing')).toEqual({
      revision: 3,
      subscriptions: [
        { name: 'billing.orders.created', topics: ['orders.created'], url, timeoutMs: 5_000 },
        { name: 'billing.orders.any', topics: ['orders.*'], url, timeoutMs: 5_000, concurrency: 4 },
        { name: 'billing.payments.all', topics: ['payments.**'], url, timeoutMs: 5_000, concurrency: 4 },
      ],
    });
  });

  test('verifies with the secrets of the answer, and hands a delivery to the handlers of its subscription', async () => {
    const { app, url } = await start(appModule(registered()));
    await until(() => app.get(HookcastReceiver).registration?.isRegistered);
    const deliver = (subscription: string) =>
      post(`${url}/hooks`, 'a', { subscription, secret: broker.secretOf(subscription) });
    expect((await deliver('billing.orders.any')).status).toBe(204);
    expect(seen).toEqual(['note orders.created a']);
    expect((await deliver('billing.orders.created')).status).toBe(204);
    expect(seen.toSorted()).toEqual(['bill a', 'note orders.created a', 'thank a']);
  });

  test('does not keep the service from starting while the broker is away, and happens when it is back', async () => {
    broker.server.answer(503, 503);
    const { app, url } = await start(appModule(registered()));
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"orderId":"7"}' };
    expect((await fetch(`${url}/orders`, init)).status).toBe(201);
    expect((await post(`${url}/hooks`, 'a')).status).toBe(503);
    await until(() => app.get(HookcastReceiver).registration?.isRegistered);
  });

  test('keeps a url that has a path of its own', async () => {
    await start(appModule(registered({ url: 'https://gateway.test/billing/events' })));
    await until(() => broker.declared.has('billing'));
    expect(broker.declared.get('billing')?.subscriptions[0]?.url).toBe('https://gateway.test/billing/events');
  });

  test('does not delete what is registered when no handler is found', async () => {
    const { app } = await start(appModule(registered(), { providers: [], controllers: [] }));
    await app.close();
    expect(broker.server.requests).toEqual([]);
  });

  test.each<[string, () => Options, string]>([
    ['a broker without service and url', () => ({ broker: { url: broker.url, apiKey: 'k' } }), 'needs service and url'],
    ['a url that is none', () => registered({ url: 'billing:3000' }), '"billing:3000" is no http'],
    ['neither key nor broker', () => ({}), 'needs secrets'],
    [
      'a broker without its key',
      () => registered({ broker: { url: broker.url, apiKey: undefined } }),
      'apiKey is missing',
    ],
  ])('%s stops the start and says so', async (_, options, words) => {
    await expect(start(appModule(options()))).rejects.toThrow(words);
  });

  test('a request-scoped handler stops the start and says so', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Fleeting {
      @OnEvent('orders.created')
      handle(): void {}
    }
    const module = appModule({ secrets: [secret] }, { providers: [Fleeting] });
    await expect(start(module)).rejects.toThrow('Fleeting.handle has @OnEvent, but its provider is request-scoped');
  });
});

test('a pattern that is none is refused where it is written', () => {
  expect(() => OnEvent('Orders.*')).toThrow(RangeError);
});
