import { Module } from '@nestjs/common';
import { ControlModule } from '../control/control.module.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { ServiceList } from './service-list.js';
import { LeaseSweep } from './lease-sweep.js';
import { ServicesController } from './services.controller.js';
import { ServicesService } from './services.service.js';

@Module({
  imports: [ControlModule, SubscriptionsModule],
  controllers: [ServicesController],
  providers: [ServicesService, ServiceList, LeaseSweep],
})
export class ServicesModule {}
