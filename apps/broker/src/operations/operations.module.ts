import { Module } from '@nestjs/common';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { DeadLetterOperationsController } from './dead-letter-operations.controller.js';
import { DeadLetterOperations } from './dead-letter-operations.js';
import { OperationsController } from './operations.controller.js';
import { OperationsService } from './operations.service.js';
import { ReplaysController } from './replays.controller.js';
import { Replays } from './replays.js';

@Module({
  imports: [AuditLogModule, EventLogModule, SubscriptionsModule],
  controllers: [OperationsController, DeadLetterOperationsController, ReplaysController],
  providers: [OperationsService, DeadLetterOperations, Replays],
})
export class OperationsModule {}
