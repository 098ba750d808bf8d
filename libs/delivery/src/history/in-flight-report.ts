import type { DeliveryStores } from '../delivery-stores.js';

export interface InFlightReportOptions {
  workerId: string;
  senders: ReadonlyMap<number, { readonly inFlight: number }>;
  write: DeliveryStores['writeInFlight'];
}

/** Tells the other processes how many requests this worker has under way, when that has changed. */
export class InFlightReport {
  private said = '{}';

  constructor(private readonly options: InFlightReportOptions) {}

  async runOnce(): Promise<{ written: number }> {
    const { workerId, senders, write } = this.options;
    const requests: Record<number, number> = {};
    for (const [subscriptionId, { inFlight }] of senders) if (inFlight > 0) requests[subscriptionId] = inFlight;
    const text = JSON.stringify(requests);
    if (text === this.said) return { written: 0 };
    await write(workerId, requests);
    this.said = text;
    return { written: 1 };
  }
}
