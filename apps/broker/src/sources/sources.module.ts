import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Source } from '@hookcast/database';
import { HookClient, type EgressPolicy } from '@hookcast/egress';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuditedHookClient } from '../audit/audited-hook-client.js';
import { Refusals } from '../audit/refusals.js';
import { AuthModule } from '../auth/auth.module.js';
import { ControlModule } from '../control/control.module.js';
import { forwardProxy } from '../egress/egress-policy.js';
import { EGRESS_POLICY, EgressModule } from '../egress/egress.module.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { EventsModule } from '../events/events.module.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SecretHealth } from './secret-health.js';
import { SeenKeys } from './seen-keys.js';
import { SenderCertificates } from './sender-certificates.js';
import { SendersController } from './senders.controller.js';
import { SourceAftermath } from './source-aftermath.js';
import { SourceCaptures } from './source-captures.js';
import { SourceDirectory } from './source-directory.js';
import { SourceFollowUps } from './source-follow-ups.js';
import { SourceHistory } from './source-history.js';
import { SourceLane } from './source-lane.js';
import { SourceOperationsController } from './source-operations.controller.js';
import { SourcePipeline } from './source-pipeline.js';
import { SourceRecorder } from './source-recorder.js';
import { SourceRepublishing } from './source-republishing.js';
import { SourceResponses } from './source-responses.js';
import { SourceSecrets } from './source-secrets.js';
import { SourceSweep } from './source-sweep.js';
import { SOURCES_CLIENT, storedResponseBytes } from './sources-client.js';
import { SourcesController } from './sources.controller.js';
import { SourcesService } from './sources.service.js';
import { WebSubController } from './websub.controller.js';
import { WebSubService } from './websub.service.js';

/** Inbound hooks: their configuration, the lane that takes requests, and what operators see of them. */
@Module({
  imports: [
    TypeOrmModule.forFeature([Source]),
    AuditLogModule,
    AuthModule,
    ControlModule,
    EgressModule,
    EventLogModule,
    EventsModule,
  ],
  controllers: [SourcesController, SourceOperationsController, WebSubController, SendersController],
  providers: [
    {
      provide: SOURCES_CLIENT,
      inject: [EGRESS_POLICY, RUNTIME, Refusals],
      useFactory: (policy: EgressPolicy, { config, sendersTls: tls }: Runtime, refusals: Refusals) =>
        new AuditedHookClient(
          { policy, storedResponseBytes, connectionsPerOrigin: 8, ...forwardProxy(config), ...(tls && { tls }) },
          refusals,
        ),
    },
    SecretHealth,
    SeenKeys,
    SenderCertificates,
    SourceAftermath,
    SourceCaptures,
    SourceDirectory,
    SourceFollowUps,
    SourceHistory,
    SourceLane,
    SourcePipeline,
    SourceRecorder,
    SourceRepublishing,
    SourceResponses,
    SourceSecrets,
    SourceSweep,
    SourcesService,
    WebSubService,
  ],
})
export class SourcesModule implements OnApplicationShutdown {
  constructor(@Inject(SOURCES_CLIENT) private readonly client: HookClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.destroy();
  }
}
