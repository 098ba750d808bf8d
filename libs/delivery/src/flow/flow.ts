import type { EndpointSign } from './endpoint-sign.js';
import { FailureStreak } from './breaker.js';
import type { Park } from './park.js';
import { SendWindow } from './window.js';

/** What a subscription asks for itself. */
export interface FlowLimits {
  /** Most requests in flight on one worker. */
  readonly concurrency: number;
}

/**
 * Answers for one subscription on this worker whether it may send now, and how many events: a park, the window and the
 * rate all have to allow it.
 */
export class Flow {
  /** Nothing is sent before it ends, and then one probe at a time if the endpoint was down. */
  park: Park | undefined;
  readonly window: SendWindow;
  readonly streak = new FailureStreak();
  private probe: object | undefined;

  constructor(limits: FlowLimits) {
    this.window = new SendWindow(limits.concurrency);
  }

  /** The subscription was changed. */
  adjust(limits: FlowLimits): void {
    this.window.adjust(limits.concurrency);
  }

  /** The endpoint is down: only probes are sent. */
  get isDown(): boolean {
    return this.park?.reason === 'failing';
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
    if (this.isDown) return inFlight === 0 ? 1 : 0;
    return inFlight < this.window.size ? Number.POSITIVE_INFINITY : 0;
  }

  /** @param delivery is sent now */
  sent(delivery: object): void {
    if (this.isDown) this.probe = delivery;
  }

  /** True for the delivery that an endpoint which is down was probed with. */
  isProbe(delivery: object): boolean {
    return this.probe === delivery;
  }

  /** @param inFlight requests that were under way, this one included */
  ended(sign: EndpointSign, { durationMs, inFlight }: { durationMs: number; inFlight: number }): void {
    if (sign === 'alive') this.window.answered({ durationMs, inFlight });
    else if (sign !== 'none') this.window.failed(inFlight);
  }

  /** Sends again, slowly at first. */
  restart(): void {
    this.park = undefined;
    this.probe = undefined;
    this.streak.clear();
    this.window.restart();
  }
}
