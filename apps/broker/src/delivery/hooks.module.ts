import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { HookClient, type EgressPolicy } from '@hookcast/egress';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuditedHookClient } from '../audit/audited-hook-client.js';
import { Refusals } from '../audit/refusals.js';
import { EGRESS_POLICY, EgressModule } from '../egress/egress.module.js';
import { RUNTIME, type Runtime } from '../runtime.js';

/** The one client for requests to hooks, be they deliveries or tests. */
@Module({
  imports: [AuditLogModule, EgressModule],
  providers: [
    {
      provide: HookClient,
      inject: [EGRESS_POLICY, RUNTIME, Refusals],
      useFactory: (policy: EgressPolicy, { config }: Runtime, refusals: Refusals) =>
        new AuditedHookClient({ policy, connectionsPerOrigin: config.hookConnections }, refusals),
    },
  ],
  exports: [HookClient],
})
export class HooksModule implements OnApplicationShutdown {
  constructor(@Inject(HookClient) private readonly client: HookClient) {}

  /** By now the worker has stopped: nothing is in flight. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.destroy();
  }
}
