import { Module } from '@nestjs/common';
import { ControlModule } from '../control/control.module.js';
import { AuditLogModule } from './audit-log.module.js';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';

/** The API over the audit log, which is written everywhere. */
@Module({ imports: [ControlModule, AuditLogModule], controllers: [AuditController], providers: [AuditService] })
export class AuditModule {}
