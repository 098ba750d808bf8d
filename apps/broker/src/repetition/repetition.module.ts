import { Module } from '@nestjs/common';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { ControlModule } from '../control/control.module.js';
import { Repetitions } from './repetitions.js';

@Module({
  imports: [ControlModule, AuditLogModule],
  providers: [Repetitions],
  exports: [Repetitions],
})
export class RepetitionModule {}
