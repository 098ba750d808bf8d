import { Module } from '@nestjs/common';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { ControlModule } from '../control/control.module.js';
import { KeysController } from './keys.controller.js';
import { KeysService } from './keys.service.js';
import { SigningKeysController } from './signing-keys.controller.js';

@Module({
  imports: [AuditLogModule, AuthModule, ControlModule],
  controllers: [KeysController, SigningKeysController],
  providers: [KeysService],
})
export class KeysModule {}
