import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule } from '@nestjs/microservices';
import { HookcastClient } from '@hookcast/publisher/nest-microservice';
import { HookcastServer } from '@hookcast/receiver/nest-microservice';
import { broker, port, url } from '../settings.js';
import { Billing, Orders } from './shop.js';

@Module({
  imports: [ClientsModule.register([{ name: 'BUS', customClass: HookcastClient, options: broker }])],
  controllers: [Orders, Billing],
})
class ShopModule {}

const app = await NestFactory.create(ShopModule);
app.connectMicroservice({ strategy: new HookcastServer({ app, service: 'shop', url, broker }) });
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(port);
