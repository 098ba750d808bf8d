import { request as httpRequest } from 'node:http';
import { Body, Controller, Injectable, Module, Post, UseGuards, type CanActivate, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { generateSecret } from '@hookcast/protocol';
import {
  HookcastReceiverModule,
  OnEvent,
  type EventContext,
  type HookcastReceiverModuleExtras,
  type HookcastReceiverModuleOptions,
} from '@hookcast/receiver/nest';
import { HookcastServer } from '@hookcast/receiver/nest-microservice';
import { batchRequestOf, hookRequestOf, orderEvent, type Delivery } from './signed-delivery.js';

const secret = generateSecret();
const open: { close(): Promise<unknown> }[] = [];
let seen: string[] = [];
beforeEach(() => void (seen = []));
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

@Injectable()
class Billing {
  @OnEvent('orders.*')
  bill(order: { orderId: string }, { id }: EventContext): void {
    if (order.orderId === 'poison') throw new Error('cannot bill poison');
    seen.push(`bill ${order.orderId ?? JSON.stringify(order)} ${id}`);
  }
}

@Controller('orders')
class Orders {
  @Post()
  place(@Body() order: object): object {
    return order;
  }

  @EventPattern('orders.created')
  note(@Payload() { orderId }: { orderId: string }): void {
    seen.push(`note ${orderId}`);
  }
}

type Options = HookcastReceiverModuleOptions & HookcastReceiverModuleExtras;

function appModule(options: Options): Type {
  @Module({ imports: [HookcastReceiverModule.forRoot(options)], providers: [Billing], controllers: [Orders] })
  class AppModule {}
  return AppModule;
}

@Module({ controllers: [Orders] })
class PatternsModule {}

async function start(module: Type, configure: (app: NestFastifyApplication) => unknown = () => {}): Promise<string> {
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
  open.push(app);
  await configure(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

const connect = async (app: NestFastifyApplication) => {
  app.connectMicroservice({ strategy: new HookcastServer({ app, secrets: [secret] }) });
  await app.startAllMicroservices();
};

const post = async (url: string, id: string, delivery: Partial<Delivery> = {}) => {
  const response = await fetch(url, hookRequestOf(orderEvent(id), { secret, ...delivery }));
  return { status: response.status, body: await response.text() };
};

const placesOrders = async (url: string) => {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":7}' };
  return (await fetch(`${url}/orders`, init)).json();
};

const handshake = async (url: string) => {
  const headers = { 'webhook-request-origin': 'broker.test' };
  return (await fetch(url, { method: 'OPTIONS', headers })).headers.get('webhook-allowed-origin');
};

describe('the receiver module on Fastify', () => {
  test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
    'takes a %s request, though Fastify has no parser for its type',
    async (format) => {
      const url = await start(appModule({ secrets: [secret] }));
      expect(await post(`${url}/hooks`, 'a', { format })).toEqual({ status: 204, body: '' });
      expect(seen).toEqual(['bill a a']);
    },
  );

  test('takes a batch, and a body that comes in chunks', async () => {
    const url = await start(appModule({ secrets: [secret] }));
    const events = ['a', 'poison', 'b'].map((id) => orderEvent(id));
    const response = await fetch(`${url}/hooks`, batchRequestOf(events, { secret }));
    expect([response.status, await response.json()]).toEqual([200, { results: [{ id: 'poison', verdict: 'retry' }] }]);
    const { headers, body } = hookRequestOf(orderEvent('c'), { secret });
    const status = await new Promise((resolve) => {
      const sending = httpRequest(`${url}/hooks`, { method: 'POST', headers: headers as Record<string, string> });
      sending.on('response', (answer) => resolve(answer.resume().statusCode));
      sending.write(body.subarray(0, 10));
      sending.end(body.subarray(10));
    });
    expect(status).toBe(204);
    expect(seen).toEqual(['bill a a', 'bill b b', 'bill c c']);
  });

  test('answers what it refuses, and leaves the other routes alone', async () => {
    const url = await start(appModule({ secrets: [secret], maxBodyBytes: 1_000 }));
    expect(await post(`${url}/hooks`, 'a', { secret: generateSecret() })).toEqual({ status: 401, body: '' });
    expect(await post(`${url}/hooks`, 'a', { topic: 'refunds.created' })).toEqual({ status: 404, body: '' });
    expect(await post(`${url}/hooks`, 'poison')).toEqual({ status: 500, body: '' });
    expect(await post(`${url}/hooks`, 'x'.repeat(1_000))).toEqual({ status: 413, body: '' });
    expect(await placesOrders(url)).toEqual({ n: 7 });
    expect((await fetch(`${url}/hooks`)).status).toBe(404);
    expect(seen).toEqual([]);
  });

  test('has its hook where the path and the global prefix say, and answers handshakes there', async () => {
    const module = appModule({ secrets: [secret], path: 'internal/events' });
    const url = await start(module, (app) => app.setGlobalPrefix('api'));
    expect((await post(`${url}/api/internal/events?x=1`, 'a')).status).toBe(204);
    expect(await handshake(`${url}/api/internal/events`)).toBe('broker.test');
    expect(await handshake(`${url}/elsewhere`)).toBeNull();
  });

  test('lets decorators be put on the hook', async () => {
    @Injectable()
    class Nobody implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const url = await start(appModule({ secrets: [secret], decorators: [UseGuards(Nobody)] }));
    expect((await post(`${url}/hooks`, 'a')).status).toBe(403);
  });

  test('works in a testing module, and when a request is injected', async () => {
    const testing = await Test.createTestingModule({ imports: [appModule({ secrets: [secret] })] }).compile();
    const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    open.push(app);
    await app.init();
    const { headers, body } = hookRequestOf(orderEvent('a'), { secret });
    const answer = await app.inject({
      method: 'POST',
      url: '/hooks',
      headers: headers as Record<string, string>,
      body,
    });
    expect(answer.statusCode).toBe(204);
    expect(seen).toEqual(['bill a a']);
  });
});

describe('the transport strategy on Fastify', () => {
  test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
    'takes a %s request beside the routes of the application',
    async (format) => {
      const url = await start(PatternsModule, connect);
      expect(await post(`${url}/hooks`, 'a', { format })).toEqual({ status: 204, body: '' });
      expect(seen).toEqual(['note a']);
      expect(await placesOrders(url)).toEqual({ n: 7 });
    },
  );

  test('refuses what is forged and answers handshakes', async () => {
    const url = await start(PatternsModule, connect);
    expect((await post(`${url}/hooks`, 'a', { secret: generateSecret() })).status).toBe(401);
    expect(await handshake(`${url}/hooks`)).toBe('broker.test');
    expect(seen).toEqual([]);
  });
});
