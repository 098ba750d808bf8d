import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Body, Controller, Injectable, Module, Post, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule, OnEvent as OnLocalEvent } from '@nestjs/event-emitter';
import {
  ClientsModule,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  type ClientProxy,
} from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { generateSecret } from '@hookcast/protocol';
import type { PublishedEvent } from '@hookcast/publisher';
import { HookcastClient, HookcastRecord } from '@hookcast/publisher/nest-microservice';
import { DeadLetter, HookcastReceiverModule, RetryAfter, type EventContext } from '@hookcast/receiver/nest';
import { HookcastEventEmitterModule } from '@hookcast/receiver/nest-event-emitter';
import {
  HOOKCAST_TRANSPORT,
  HookcastContext,
  HookcastServer,
  type HookcastServerOptions,
} from '@hookcast/receiver/nest-microservice';
import { lastValueFrom, map, timer } from 'rxjs';
import { until } from '../support/until.js';
import { publishApi } from './publish-api.js';
import { servicesApi } from './services-api.js';
import { hookRequestOf, orderEvent, type Delivery } from './signed-delivery.js';

const secret = generateSecret();
const open: { close(): Promise<unknown> }[] = [];
let seen: string[] = [];
beforeEach(() => void (seen = []));
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

@Controller()
class Billing {
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- chooses the overload that takes any method
  @EventPattern<string>('orders.created')
  bill(@Payload() order: { orderId: string }, @Ctx() context: HookcastContext): void {
    if (order.orderId === 'poison') throw new Error('cannot bill poison');
    if (order.orderId === 'refused') throw new RpcException('cannot bill this');
    if (order.orderId === 'hopeless') throw new RpcException(new DeadLetter('no such customer'));
    if (order.orderId === 'bare') throw new DeadLetter('no such customer');
    if (order.orderId === 'early') throw new RpcException(new RetryAfter(600));
    seen.push(`bill ${order.orderId} ${context.topic} ${context.id} ${context.attempt}`);
  }

  @EventPattern('orders.created')
  thank(@Payload() { orderId }: { orderId: string }) {
    return timer(20).pipe(map(() => seen.push(`thank ${orderId}`)));
  }

  @EventPattern('orders.*', HOOKCAST_TRANSPORT, { hookcast: { concurrency: 4 } })
  async audit(@Ctx() { id }: HookcastContext): Promise<void> {
    seen.push(`audit ${id}`);
  }

  @MessagePattern('sum')
  sum(): number {
    return 1;
  }

  @Post('orders')
  place(@Body() order: object): object {
    return order;
  }
}

@Controller({ scope: Scope.REQUEST })
class Fleeting {
  @EventPattern('payments.#')
  note(@Payload() { orderId }: { orderId: string }): void {
    seen.push(`payment ${orderId}`);
  }
}

function moduleOf(controllers: Type[], imports: NonNullable<Parameters<typeof Module>[0]['imports']> = []): Type {
  @Module({ controllers, imports })
  class AppModule {}
  return AppModule;
}

async function hybrid(controllers: Type[], options: Partial<HookcastServerOptions> = {}) {
  const app = await NestFactory.create<NestExpressApplication>(moduleOf(controllers), {
    logger: false,
    abortOnError: false,
  });
  open.push(app);
  const strategy = new HookcastServer({ app, secrets: [secret], ...options });
  app.connectMicroservice({ strategy });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { strategy, url: `http://127.0.0.1:${port}` };
}

const post = async (url: string, id: string, delivery: Partial<Delivery> = {}): Promise<number> =>
  (await fetch(url, hookRequestOf(orderEvent(id), { secret, ...delivery }))).status;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('an application with @EventPattern handlers', () => {
  test('runs every handler of a pattern and of the wildcards that match, beside its own routes', async () => {
    const { url } = await hybrid([Billing]);
    expect(await post(`${url}/hooks`, 'a', { format: 'standard-webhooks' })).toBe(204);
    expect(seen.toSorted()).toEqual(['audit a', 'bill a orders.created a 1', 'thank a']);
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":7}' };
    expect(await (await fetch(`${url}/orders`, init)).json()).toEqual({ n: 7 });
  });

  test.each(['poison', 'refused'])(
    'has an event tried again that a handler throws at, after the others: %s',
    async (id) => {
      const { url } = await hybrid([Billing]);
      expect(await post(`${url}/hooks`, id)).toBe(500);
      expect(seen.toSorted()).toEqual([`audit ${id}`, `thank ${id}`]);
    },
  );

  test('a verdict gets through inside an RpcException, and without one Nest hides it', async () => {
    const { url } = await hybrid([Billing]);
    const answerTo = async (id: string) => {
      const { status, headers } = await fetch(`${url}/hooks`, hookRequestOf(orderEvent(id), { secret }));
      return [status, headers.get('hookcast-verdict'), headers.get('retry-after')];
    };
    expect(await answerTo('hopeless')).toEqual([422, 'dead-letter', null]);
    expect(await answerTo('early')).toEqual([503, 'retry', '600']);
    expect(await answerTo('bare')).toEqual([500, null, null]);
  });

  test('refuses a forged request, and one for a topic without a handler', async () => {
    const { url } = await hybrid([Billing]);
    expect(await post(`${url}/hooks`, 'a', { secret: generateSecret() })).toBe(401);
    expect(await post(`${url}/hooks`, 'a', { topic: 'refunds.created' })).toBe(404);
    expect(seen).toEqual([]);
  });

  test('may be request-scoped, and keep the wildcard it had with RabbitMQ', async () => {
    const { url } = await hybrid([Fleeting]);
    expect(await post(`${url}/hooks`, 'a', { topic: 'payments.card.failed' })).toBe(204);
    expect(seen).toEqual(['payment a']);
  });

  test('declares its patterns as subscriptions, and verifies with the secrets it is told', async () => {
    const broker = await servicesApi();
    open.push(broker);
    const { strategy, url } = await hybrid([Billing, Fleeting], {
      secrets: [],
      broker: { url: broker.url, apiKey: 'good-key' },
      service: 'billing',
      url: 'http://billing:3000',
      revision: 7,
    });
    await until(() => strategy.registration?.isRegistered);
    const hook = 'http://billing:3000/hooks';
    expect(broker.declared.get('billing')).toEqual({
      revision: 7,
      subscriptions: [
        { name: 'billing.orders.created', topics: ['orders.created'], url: hook },
        { name: 'billing.orders.any', topics: ['orders.*'], url: hook, concurrency: 4 },
        { name: 'billing.payments.all', topics: ['payments.**'], url: hook },
      ],
    });
    const subscription = 'billing.orders.any';
    expect(await post(`${url}/hooks`, 'a', { subscription, secret: broker.secretOf(subscription) })).toBe(204);
    expect(seen).toEqual(['audit a']);
  });

  test('listens on a port of its own without an application around it', async () => {
    const port = await freePort();
    const strategy = new HookcastServer({ port, host: '127.0.0.1', path: '/in', secrets: [secret] });
    const app = await NestFactory.createMicroservice(moduleOf([Billing]), { strategy, logger: false });
    await app.listen();
    expect(await post(`http://127.0.0.1:${port}/in`, 'a')).toBe(204);
    expect(await post(`http://127.0.0.1:${port}/elsewhere`, 'a')).toBe(404);
    await app.close();
    await expect(fetch(`http://127.0.0.1:${port}/in`)).rejects.toThrow('fetch failed');
  });

  test('says which pattern is no topic, and takes topicOf for it', async () => {
    @Controller()
    class Old {
      @EventPattern({ cmd: 'orderCreated' })
      handle(@Payload() { orderId }: { orderId: string }): void {
        seen.push(`old ${orderId}`);
      }
    }
    await expect(hybrid([Old])).rejects.toThrow('@EventPattern({"cmd":"orderCreated"}) is no topic pattern');
    const { url } = await hybrid([Old], { topicOf: () => 'orders.created' });
    expect(await post(`${url}/hooks`, 'a')).toBe(204);
    expect(seen).toEqual(['old a']);
  });

  test.each<[string, HookcastServerOptions, string]>([
    ['no place to listen', { secrets: [secret] }, 'either app, whose HTTP server it shares, or the port'],
    ['a broker without service', { port: 1, broker: { url: 'http://b', apiKey: 'k' } }, 'needs service and url'],
  ])('%s is refused', (_, options, words) => {
    expect(() => new HookcastServer(options)).toThrow(words);
  });
});

describe('ClientsModule with HookcastClient', () => {
  async function client(options: { topicOf?: (pattern: string) => string; maxAttempts?: number } = {}) {
    const api = await publishApi();
    open.push(api);
    const clients = ClientsModule.register([
      { name: 'BUS', customClass: HookcastClient, options: { url: api.url, apiKey: 'good-key', ...options } },
    ]);
    const app = await NestFactory.createApplicationContext(moduleOf([], [clients]), { logger: false });
    open.push(app);
    return { api, app, bus: app.get<ClientProxy>('BUS') };
  }

  test('publishes what is emitted, whether or not anybody subscribes', async () => {
    const { api, app, bus } = await client();
    const published = await lastValueFrom(bus.emit<PublishedEvent>('orders.created', { orderId: 'a' }));
    expect(published).toMatchObject({ topic: 'orders.created', position: '1:1', duplicate: false });
    bus.emit('orders.created', new HookcastRecord({ orderId: 'b' }, { id: 'order-b', key: 'ada' }));
    await app.close();
    expect(api.stored.map(({ data }) => data?.toString())).toEqual(['{"orderId":"a"}', '{"orderId":"b"}']);
    expect(api.stored[1]).toMatchObject({ id: 'order-b', extensions: { partitionkey: 'ada' } });
  });

  test('tells a failure to who subscribes, and does not harm who does not', async () => {
    const { api, bus } = await client({ maxAttempts: 1 });
    api.away();
    bus.emit('orders.created', { orderId: 'a' });
    await expect(lastValueFrom(bus.emit('orders.created', { orderId: 'b' }))).rejects.toMatchObject({
      name: 'PublishError',
      reason: 'unavailable',
    });
    expect(api.stored).toEqual([]);
  });

  test('has no answers: send() fails', async () => {
    const { bus } = await client();
    await expect(lastValueFrom(bus.send('sum', [1]))).rejects.toThrow('use emit() instead of send()');
  });

  test('takes patterns that are no topics through topicOf', async () => {
    const { api, bus } = await client({ topicOf: () => 'orders.created' });
    await lastValueFrom(bus.emit({ cmd: 'orderCreated' }, { orderId: 'a' }));
    expect(api.server.requests.map(({ url }) => url)).toEqual(['/v1/topics/orders.created/events']);
  });
});

describe('the bridge to @nestjs/event-emitter', () => {
  @Injectable()
  class Listeners {
    @OnLocalEvent('orders.*', { suppressErrors: false })
    async first({ orderId }: { orderId: string }, { attempt }: EventContext): Promise<void> {
      if (orderId === 'poison') throw new Error('poison');
      seen.push(`local ${orderId} ${attempt}`);
    }
  }

  test('re-emits events under their topic, and has one tried again whose listener throws', async () => {
    @Module({
      imports: [
        EventEmitterModule.forRoot({ wildcard: true }),
        HookcastReceiverModule.forRoot({ secrets: [secret] }),
        HookcastEventEmitterModule.forRoot(['orders.*', 'payments.**']),
      ],
      providers: [Listeners],
    })
    class AppModule {}
    const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
    open.push(app);
    await app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/hooks`;
    expect(await post(url, 'a')).toBe(204);
    expect(await post(url, 'poison')).toBe(500);
    expect(await post(url, 'b', { topic: 'payments.made' })).toBe(204);
    expect(seen).toEqual(['local a 1']);
  });
});
