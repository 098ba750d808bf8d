import { Injectable } from '@nestjs/common';

/** What the delivery worker of this process is doing right now; nothing where no worker runs. */
@Injectable()
export class DeliveryGauge {
  private source: ((subscriptionId: number) => number) | undefined;

  watch(source: (subscriptionId: number) => number): void {
    this.source = source;
  }

  inFlight(subscriptionId: number): number {
    return this.source?.(subscriptionId) ?? 0;
  }
}
