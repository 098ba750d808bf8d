import { Module } from '@nestjs/common';
import { SubscriptionSecrets } from './subscription-secrets.js';

@Module({ providers: [SubscriptionSecrets], exports: [SubscriptionSecrets] })
export class SecretsModule {}
