import type { EndpointSign } from './endpoint-sign.js';
import { FailureStreak } from './breaker.js';
import type { Park } from './park.js';
import { TokenLease } from './rate.js';
import { SendWindow } from './window.js';
import { shareOf } from './worker-words.js';
import type { Moment } from '../timing/clock.js';

/** What a subscription asks for itself. */
export interface FlowLimits {
  /** Most requests in flight, of all workers together. */
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
  readonly lease = new TokenLease();
  private perSecond: number | null = null;
  /** Unix milliseconds; until then nobody asks since when every attempt has failed. */
  trustedUntil = 0;
  /** Another worker was asked for quiet until then, unix milliseconds. */
  heldUntil = 0;
  /** When a sign of life ended the last outage, unix milliseconds. */
  upAt = 0;
  private probe: object | undefined;
  /** Requests that other workers have under way, of each that has some. */
  private others: readonly number[] = [];

  constructor(private limits: FlowLimits) {
    this.window = new SendWindow(limits.concurrency);
  }

  /** Events a second over all workers; null for as many as it takes. */
  get rate(): number | null {
    return this.perSecond;
  }

  set rate(rate: number | null) {
    if (rate === this.perSecond) return;
    this.perSecond = rate;
    this.lease.rateChanged();
  }

  /** The subscription was changed. */
  adjust(limits: FlowLimits): void {
    this.limits = limits;
    this.window.adjust(shareOf(limits.concurrency, this.others));
  }

  /** Other workers send to the hook as well. */
  shareWith(others: readonly number[]): void {
    this.others = others;
    this.adjust(this.limits);
  }

  /** Nothing is sent before, unix milliseconds. */
  get closedUntil(): number {
    return Math.max(this.park?.until ?? 0, this.heldUntil);
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
   */
  room(inFlight: number, { now, monotonic }: Moment): number {
    if (now < this.closedUntil) return 0;
    if (inFlight >= (this.isDown ? 1 : this.window.size)) return 0;
    const tokens = this.rate === null ? Number.POSITIVE_INFINITY : Math.floor(this.lease.left(monotonic));
    return this.isDown ? Math.min(tokens, 1) : tokens;
  }

  /** Nothing but a token is missing. */
  lacksTokens(inFlight: number, { now, monotonic }: Moment): boolean {
    return (
      this.rate !== null && now >= this.closedUntil && inFlight < this.window.size && this.lease.left(monotonic) < 1
    );
  }

  /** @param delivery is sent now, and takes as many tokens as it has events */
  sent(delivery: object, events = 1): void {
    if (this.rate !== null) this.lease.spend(events);
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
