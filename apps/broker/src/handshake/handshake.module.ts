import { Module } from '@nestjs/common';
import { ControlModule } from '../control/control.module.js';
import { HooksModule } from '../delivery/hooks.module.js';
import { Greeting } from './greeting.js';
import { HandshakeRounds } from './handshake-rounds.js';
import { SecretsModule } from '../subscriptions/secrets.module.js';
import { StoredHooks } from './stored-hooks.js';
import { HookHandshake } from './hook-handshake.js';

@Module({
  imports: [ControlModule, HooksModule, SecretsModule],
  providers: [HookHandshake, StoredHooks, Greeting, HandshakeRounds],
  exports: [Greeting],
})
export class HandshakeModule {}
