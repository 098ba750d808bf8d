import { Module } from '@nestjs/common';
import { EventLogModule } from '../event-log/event-log.module.js';
import { Reconciler } from './reconciler.js';
import { ReconciliationLoop } from './reconciliation-loop.js';
import { ReconciliationsController } from './reconciliations.controller.js';

@Module({
  imports: [EventLogModule],
  controllers: [ReconciliationsController],
  providers: [Reconciler, ReconciliationLoop],
  exports: [ReconciliationLoop],
})
export class ReconciliationModule {}
