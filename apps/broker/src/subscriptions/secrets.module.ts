import { Module } from '@nestjs/common';
import { HooksModule } from '../delivery/hooks.module.js';
import { EgressModule } from '../egress/egress.module.js';
import { DeclaredSecrets } from './declared-secrets.js';
import { SubscriptionCredentials } from './subscription-credentials.js';
import { SubscriptionSecrets } from './subscription-secrets.js';

@Module({
  imports: [EgressModule, HooksModule],
  providers: [DeclaredSecrets, SubscriptionCredentials, SubscriptionSecrets],
  exports: [DeclaredSecrets, SubscriptionCredentials, SubscriptionSecrets],
})
export class SecretsModule {}
