import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { ClientsModule, Transport } from '@nestjs/microservices';
import { HookcastServer } from '@hookcast/receiver/nest-microservice';
import { broker, port, url } from '../settings.js';
import { RmqAcks } from './rmq-acks.js';
import { rmq, rmqServer } from './rmq.js';
import { Billing, Orders } from './shop.js';

@Module({
  imports: [ClientsModule.register([{ name: 'BUS', transport: Transport.RMQ, options: rmq }])],
  controllers: [Orders, Billing],
  providers: [{ provide: APP_INTERCEPTOR, useClass: RmqAcks }],
})
class ShopModule {}

const app = await NestFactory.create(ShopModule);
app.connectMicroservice({ transport: Transport.RMQ, options: rmqServer }, { inheritAppConfig: true });
app.connectMicroservice({ strategy: new HookcastServer({ app, service: 'shop', url, broker }) });
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(port);
