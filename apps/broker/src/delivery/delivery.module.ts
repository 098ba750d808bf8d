import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { HookClient, type EgressPolicy } from '@hookcast/egress';
import { EGRESS_POLICY, EgressModule } from '../egress/egress.module.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { DeliveryGauge } from './delivery-gauge.js';

/** What features need of delivery whether or not a worker runs in this process. */
@Module({
  imports: [EgressModule],
  providers: [
    DeliveryGauge,
    {
      provide: HookClient,
      inject: [EGRESS_POLICY, RUNTIME],
      useFactory: (policy: EgressPolicy, { config }: Runtime) =>
        new HookClient({ policy, connectionsPerOrigin: config.hookConnections }),
    },
  ],
  exports: [DeliveryGauge, HookClient],
})
export class DeliveryModule implements OnApplicationShutdown {
  constructor(@Inject(HookClient) private readonly client: HookClient) {}

  /** By now the worker has stopped: nothing is in flight. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.destroy();
  }
}
