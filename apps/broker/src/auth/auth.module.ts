import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Authenticator } from './authenticator.js';
import { ScopeGuard } from './scope.guard.js';

@Module({
  providers: [Authenticator, { provide: APP_GUARD, useClass: ScopeGuard }],
  exports: [Authenticator],
})
export class AuthModule {}
