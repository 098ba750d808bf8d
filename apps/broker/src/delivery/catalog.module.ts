import { Module } from '@nestjs/common';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { SecretsModule } from '../subscriptions/secrets.module.js';
import { StoredSubscriptions } from './stored-subscriptions.js';

@Module({
  imports: [SecretsModule, SigningKeysModule],
  providers: [StoredSubscriptions],
  exports: [StoredSubscriptions],
})
export class CatalogModule {}
