import type { Park } from './park.js';

/** What a subscription asks for itself. */
export interface FlowLimits {
  /** Most requests in flight on one worker. */
  readonly concurrency: number;
}

/** Answers for one subscription on this worker whether it may send now, and how many events. */
export class Flow {
  /** Nothing is sent before it ends. */
  park: Park | undefined;

  constructor(private limits: FlowLimits) {}

  /** The subscription was changed. */
  adjust(limits: FlowLimits): void {
    this.limits = limits;
  }

  /**
   * Events that may be sent now; 0 for none. A request of several events takes one place of the window and as many
   * tokens as it has events.
   *
   * @param inFlight requests under way
   * @param now unix milliseconds
   */
  room(inFlight: number, now: number): number {
    if (this.park !== undefined && now < this.park.until) return 0;
    return inFlight < this.limits.concurrency ? Number.POSITIVE_INFINITY : 0;
  }
}
