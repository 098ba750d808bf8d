/** Requests a second that flow in, and how many may wait to be used. */
export interface Quota {
  perSecond: number;
  burst: number;
}

/** A token bucket. Times are milliseconds of a monotonic clock. */
export class TokenBucket {
  private tokens: number;

  constructor(
    private readonly quota: Quota,
    private at: number,
  ) {
    this.tokens = quota.burst;
  }

  /** Takes a token if there is one. */
  take(now: number): boolean {
    const { perSecond, burst } = this.quota;
    this.tokens = Math.min(burst, this.tokens + ((now - this.at) / 1000) * perSecond);
    this.at = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Whole requests that could be made now. */
  get left(): number {
    return Math.floor(this.tokens);
  }

  /** Seconds until the bucket is full again, rounded up. */
  get secondsToFull(): number {
    return Math.ceil((this.quota.burst - this.tokens) / this.quota.perSecond);
  }

  /** Seconds until the next request is possible, rounded up. */
  get secondsToNext(): number {
    return Math.max(1, Math.ceil((1 - this.tokens) / this.quota.perSecond));
  }
}
