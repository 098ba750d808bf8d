import { Module } from '@nestjs/common';
import { ControlModule } from '../control/control.module.js';
import { AuditJanitor } from './audit-janitor.js';
import { AuditTrail } from './audit-trail.js';
import { Refusals } from './refusals.js';

@Module({
  imports: [ControlModule],
  providers: [AuditTrail, Refusals, AuditJanitor],
  exports: [AuditTrail, Refusals],
})
export class AuditLogModule {}
