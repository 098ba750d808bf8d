import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AccessTokens, HookClient, type EgressPolicy } from '@hookcast/egress';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuditedHookClient } from '../audit/audited-hook-client.js';
import { Refusals } from '../audit/refusals.js';
import { forwardProxy } from '../egress/egress-policy.js';
import { EGRESS_POLICY, EgressModule } from '../egress/egress.module.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';

/** The one client for requests to hooks, be they deliveries or tests. */
@Module({
  imports: [AuditLogModule, EgressModule],
  providers: [
    {
      provide: HookClient,
      inject: [EGRESS_POLICY, RUNTIME, Refusals],
      useFactory: (policy: EgressPolicy, { config }: Runtime, refusals: Refusals) =>
        new AuditedHookClient(
          { policy, connectionsPerOrigin: config.hookConnections, ...forwardProxy(config) },
          refusals,
        ),
    },
    {
      provide: AccessTokens,
      inject: [HookClient],
      useFactory: (client: HookClient) => new AccessTokens((request) => client.post(request), userAgent),
    },
  ],
  exports: [AccessTokens, HookClient],
})
export class HooksModule implements OnApplicationShutdown {
  constructor(@Inject(HookClient) private readonly client: HookClient) {}

  /** By now the worker has stopped: nothing is in flight. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.destroy();
  }
}
