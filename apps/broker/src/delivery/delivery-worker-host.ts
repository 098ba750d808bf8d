import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DeliveryWorker } from '@hookcast/delivery';
import { ControlPlane } from '../control/control-plane.js';
import { AppendHints } from '../event-log/append-hints.js';
import { DeliveryGauge } from './delivery-gauge.js';

/** Runs the delivery worker of this process for as long as the application runs. */
@Injectable()
export class DeliveryWorkerHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(DeliveryWorker) private readonly worker: DeliveryWorker,
    control: ControlPlane,
    hints: AppendHints,
    gauge: DeliveryGauge,
  ) {
    // A reload that fails is made up for by the worker's own poll.
    control.onChange(() => void worker.reload().catch(() => {}));
    hints.onHeads((heads) => worker.wake(heads));
    gauge.watch((subscriptionId) => worker.inFlight(subscriptionId));
  }

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  /** Before the server waits for its requests: what is in flight to hooks is finished in the meantime. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
