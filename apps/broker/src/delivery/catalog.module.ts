import { Module } from '@nestjs/common';
import { SecretsModule } from '../subscriptions/secrets.module.js';
import { StoredSubscriptions } from './stored-subscriptions.js';

@Module({ imports: [SecretsModule], providers: [StoredSubscriptions], exports: [StoredSubscriptions] })
export class CatalogModule {}
