/** Requests in flight that a subscription begins with; a resume after an outage begins with 1. */
export const firstWindow = 10;
/** Latency is only a sign of overload above the baseline by this factor, and by this many milliseconds. */
const slower = { factor: 2, ms: 100 };
/** Weight of a new sample: `recent` follows within a few answers, `baseline` within some hundred. */
const weight = { recent: 0.2, baseline: 0.01 };
const cut = { failure: 0.5, latency: 0.8 };
/** Results, at least, between two cuts for latency. */
const shortestRound = 10;

/**
 * How many requests to a hook may be in flight: doubled every round trip (slow start), then one more every round trip,
 * halved by failures and cut by a fifth when answers become slower than they usually are. A hook that always is slow
 * is its own baseline and keeps its window.
 */
export class SendWindow {
  private current: number;
  /** From here on the window grows by one a round trip. */
  private threshold: number;
  private recentMs = 0;
  private baselineMs: number | undefined;
  /** Results of requests that were under way at the last cut say nothing about the smaller window. */
  private toIgnore = 0;

  /** @param ceiling most requests in flight */
  constructor(private ceiling: number) {
    this.current = Math.min(firstWindow, ceiling);
    this.threshold = ceiling;
  }

  /** Whole requests, 1 to the ceiling. */
  get size(): number {
    return Math.max(Math.floor(this.current), 1);
  }

  adjust(ceiling: number): void {
    if (ceiling > this.ceiling && this.threshold === this.ceiling) this.threshold = ceiling;
    this.ceiling = ceiling;
    this.current = Math.min(this.current, ceiling);
    this.threshold = Math.min(this.threshold, ceiling);
  }

  /** After an outage: slow start from one request, and what was usual before no longer counts. */
  restart(): void {
    this.current = 1;
    this.threshold = this.ceiling;
    this.baselineMs = undefined;
    this.toIgnore = 0;
  }

  /** @param inFlight requests that were under way, this one included: a window that is not used has no reason to grow */
  answered({ durationMs, inFlight }: { durationMs: number; inFlight: number }): void {
    this.learn(durationMs);
    if (this.toIgnore > 0) this.toIgnore -= 1;
    else if (this.isSlower) return this.shrink(cut.latency, Math.max(inFlight, shortestRound));
    if (inFlight >= this.size) this.grow();
  }

  /** The hook failed in a way that speaks of the endpoint. */
  failed(inFlight: number): void {
    if (this.toIgnore > 0) this.toIgnore -= 1;
    else this.shrink(cut.failure, inFlight);
  }

  private get isSlower(): boolean {
    const usual = this.baselineMs ?? 0;
    return this.recentMs > Math.max(usual * slower.factor, usual + slower.ms);
  }

  private learn(durationMs: number): void {
    if (this.baselineMs === undefined) {
      this.baselineMs = durationMs;
      this.recentMs = durationMs;
      return;
    }
    this.recentMs += weight.recent * (durationMs - this.recentMs);
    this.baselineMs += weight.baseline * (durationMs - this.baselineMs);
  }

  private grow(): void {
    const step = this.current < this.threshold ? 1 : 1 / this.current;
    this.current = Math.min(this.current + step, this.ceiling);
  }

  private shrink(factor: number, underWay: number): void {
    this.current = Math.max(this.current * factor, 1);
    this.threshold = this.current;
    this.toIgnore = underWay;
  }
}
