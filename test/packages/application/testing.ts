import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { HookcastPublisher } from '@hookcast/publisher/nest';
import { HookcastTestingModule } from '@hookcast/publisher/nest-testing';
import { createTestBus } from '@hookcast/publisher/testing';
import { HookcastReceiver, HookcastReceiverModule, OnEvent } from '@hookcast/receiver/nest';
import type { OrderCreated } from './events.js';

/** What a service's own tests do: a testing module, which has its HTTP adapter late, and an application without one. */
@Injectable()
class Packing {
  constructor(private readonly bus: HookcastPublisher) {}

  @OnEvent('nest.orders.created')
  async pack({ orderId }: OrderCreated): Promise<void> {
    await this.bus.publish('nest.parcels.packed', { orderId });
  }
}

@Module({})
class Root {}

async function start(): Promise<void> {
  const bus = createTestBus();
  const parts = {
    imports: [HookcastTestingModule.forRoot(bus), HookcastReceiverModule.forRoot({ secrets: [bus.secret] })],
    providers: [Packing],
  };
  for (const adapter of [new ExpressAdapter(), new FastifyAdapter()]) {
    const testing = await Test.createTestingModule(parts).compile();
    const app = testing.createNestApplication(adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    const { status } = await bus.deliver(`${await app.getUrl()}/hooks`, 'nest.orders.created', { orderId: '1' });
    console.log(`${adapter.getType()} answered ${status}`);
    await app.close();
  }
  const context = await NestFactory.createApplicationContext({ module: Root, ...parts }, { logger: false });
  const { status } = await bus.deliver(context.get(HookcastReceiver), 'nest.orders.created', { orderId: '2' });
  console.log(`no server answered ${status}`);
  await context.close();
  console.log(`packed ${bus.published('nest.parcels.*').length}`);
}

void start();
