import { Module, type DynamicModule } from '@nestjs/common';
import { AnnouncementsModule } from './announcements/announcements.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CoreModule } from './core.module.js';
import { DeadLettersModule } from './dead-letters/dead-letters.module.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { DeliveryWorkerModule } from './delivery/delivery-worker.module.js';
import { EventsModule } from './events/events.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { KeysModule } from './keys/keys.module.js';
import { LiveModule } from './live/live.module.js';
import { MapModule } from './map/map.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { OverviewModule } from './overview/overview.module.js';
import { PageModule } from './page/page.module.js';
import { ReconciliationModule } from './reconciliation/reconciliation.module.js';
import type { Runtime } from './runtime.js';
import { ServicesModule } from './services/services.module.js';
import { SourcesModule } from './sources/sources.module.js';
import { FilterTrialModule } from './subscriptions/filter-trial.module.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { TopicsModule } from './topics/topics.module.js';

const everywhere = [HttpModule, AuthModule, HealthModule, MetricsModule];

const api = [
  TopicsModule,
  SubscriptionsModule,
  FilterTrialModule,
  ServicesModule,
  EventsModule,
  DeliveriesModule,
  DeadLettersModule,
  OperationsModule,
  OverviewModule,
  MapModule,
  LiveModule,
  ReconciliationModule,
  KeysModule,
  AuditModule,
  SourcesModule,
  AnnouncementsModule,
  PageModule,
];

/** The one list of features, by role. */
@Module({})
export class AppModule {
  static for(runtime: Runtime): DynamicModule {
    const { role } = runtime.config;
    return {
      module: AppModule,
      imports: [CoreModule.for(runtime), ...everywhere, DeliveryWorkerModule, ...(role === 'worker' ? [] : api)],
    };
  }
}
