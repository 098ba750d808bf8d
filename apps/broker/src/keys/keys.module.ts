import { Module } from '@nestjs/common';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { ControlModule } from '../control/control.module.js';
import { KeysController } from './keys.controller.js';
import { KeysService } from './keys.service.js';
import { PublishedKeysController } from '../signing-keys/published-keys.controller.js';
import { SigningKeysController } from '../signing-keys/signing-keys.controller.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';

@Module({
  imports: [AuditLogModule, AuthModule, ControlModule, SigningKeysModule],
  controllers: [KeysController, PublishedKeysController, SigningKeysController],
  providers: [KeysService],
})
export class KeysModule {}
