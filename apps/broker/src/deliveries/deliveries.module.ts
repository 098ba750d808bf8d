import { Module } from '@nestjs/common';
import { DeliveryHistory } from '@hookcast/delivery';
import type pg from 'pg';
import { EventLogModule } from '../event-log/event-log.module.js';
import { RepetitionModule } from '../repetition/repetition.module.js';
import { DATA_POOL } from '../runtime.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { WaitingLines } from './waiting-lines.js';

@Module({
  imports: [EventLogModule, RepetitionModule, SubscriptionsModule],
  controllers: [DeliveriesController],
  providers: [
    DeliveriesService,
    WaitingLines,
    { provide: DeliveryHistory, inject: [DATA_POOL], useFactory: (pool: pg.Pool) => new DeliveryHistory(pool) },
  ],
  exports: [DeliveryHistory, WaitingLines],
})
export class DeliveriesModule {}
