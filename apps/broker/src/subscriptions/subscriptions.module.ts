import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { ControlModule } from '../control/control.module.js';
import { CatalogModule } from '../delivery/catalog.module.js';
import { DeliveryWorkerModule } from '../delivery/delivery-worker.module.js';
import { HandshakeModule } from '../handshake/handshake.module.js';
import { HooksModule } from '../delivery/hooks.module.js';
import { EgressModule } from '../egress/egress.module.js';
import { RepetitionModule } from '../repetition/repetition.module.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { ExpirationsController } from './expirations.controller.js';
import { DeliveryMinutesController } from './delivery-minutes.controller.js';
import { Seek } from './seek.js';
import { DeclaredHandshakes } from './declared-handshakes.js';
import { HookAddresses } from './hook-addresses.js';
import { HookTest } from './hook-test.js';
import { SubscriptionActions } from './subscription-actions.js';
import { SubscriptionDeclarations } from './subscription-declarations.js';
import { SubscriptionFiguresReader } from './subscription-figures.js';
import { SecretsModule } from './secrets.module.js';
import { SubscriptionResponses } from './subscription-responses.js';
import { SubscriptionsController } from './subscriptions.controller.js';
import { SubscriptionsService } from './subscriptions.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Subscription]),
    AuditLogModule,
    ControlModule,
    EgressModule,
    HooksModule,
    HandshakeModule,
    CatalogModule,
    SecretsModule,
    SigningKeysModule,
    DeliveryWorkerModule,
    RepetitionModule,
  ],
  controllers: [SubscriptionsController, ExpirationsController, DeliveryMinutesController],
  providers: [
    SubscriptionsService,
    SubscriptionActions,
    DeclaredHandshakes,
    SubscriptionDeclarations,
    SubscriptionFiguresReader,
    SubscriptionResponses,
    HookAddresses,
    HookTest,
    Seek,
  ],
  exports: [SubscriptionsService, SubscriptionDeclarations, SubscriptionResponses],
})
export class SubscriptionsModule {}
