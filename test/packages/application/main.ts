import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ClientsModule } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { HookcastPublisherModule } from '@hookcast/publisher/nest';
import { HookcastClient } from '@hookcast/publisher/nest-microservice';
import { HookcastReceiverModule } from '@hookcast/receiver/nest';
import { HookcastEventEmitterModule } from '@hookcast/receiver/nest-event-emitter';
import { HookcastServer } from '@hookcast/receiver/nest-microservice';
import { Audit } from './audit.js';
import { Billing, Mails } from './billing.js';
import { Orders, OrdersController } from './orders.js';
import { adapter, broker, origin, port } from './settings.js';

/** Everything that the SDKs have for Nest, in one application. */
@Module({
  imports: [
    HookcastPublisherModule.forRootAsync({ useFactory: () => ({ ...broker, source: '/orders' }) }),
    HookcastReceiverModule.forRoot({ service: 'billing', url: origin, broker }),
    ClientsModule.register([{ name: 'BUS', customClass: HookcastClient, options: broker }]),
    EventEmitterModule.forRoot(),
    HookcastEventEmitterModule.forRoot('nest.orders.created', { subscription: 'billing.mails' }),
  ],
  controllers: [OrdersController, Audit],
  providers: [Orders, Billing, Mails],
})
export class AppModule {}

async function start(): Promise<void> {
  const http = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(AppModule, http, { rawBody: true, logger: ['log', 'warn', 'error'] });
  const strategy = new HookcastServer({ app, path: '/events', service: 'audit', url: origin, broker });
  app.connectMicroservice({ strategy });
  app.enableShutdownHooks();
  await app.startAllMicroservices();
  await app.listen(port, '127.0.0.1');
  console.log('listens');
}

void start();
