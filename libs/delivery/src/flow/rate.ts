/** Tokens that a bucket holds at most: a fifth of a second's worth, and at least one event's. */
export function burstOf(rate: number): number {
  return Math.max(rate / 5, 1);
}

/** Milliseconds between two leases, at least; a bucket fills meanwhile. */
const leaseEveryMs = 100;
/** Milliseconds that leased tokens are good for: what was not needed then must not make a burst later. */
export const leaseLastsMs = 1_000;

interface Granted {
  tokens: number;
  waitMs: number;
  askedAt: number;
  now: number;
}

/**
 * Tokens that one worker has leased from the bucket of a subscription, which all workers share: one token, one event.
 * Times are those of the monotonic clock: a wall clock that is set back must not make them last.
 */
export class TokenLease {
  private tokens = 0;
  private expiresAt = 0;
  private askAt = 0;
  private isAsked = false;

  /** Events that may be sent with what is left. */
  left(now: number): number {
    return now < this.expiresAt ? this.tokens : 0;
  }

  spend(events: number): void {
    this.tokens -= events;
  }

  /** True when there is nothing left and nobody has asked for more. */
  isWanted(now: number): boolean {
    return !this.isAsked && this.left(now) < 1;
  }

  /** When to ask. */
  get nextAskAt(): number {
    return this.askAt;
  }

  asked(): void {
    this.isAsked = true;
  }

  /**
   * There was nothing left when they were asked for, so these are all.
   *
   * @param waitMs until the bucket has the next token
   * @param askedAt from before the statement: a worker that was stopped until its answer came has nothing in hand
   */
  granted({ tokens, waitMs, askedAt, now }: Granted): void {
    this.isAsked = false;
    this.tokens = tokens;
    this.expiresAt = askedAt + leaseLastsMs;
    this.askAt = now + Math.max(leaseEveryMs, tokens > 0 ? 0 : waitMs);
  }

  /** The database was away. */
  refused(now: number): void {
    this.isAsked = false;
    this.askAt = now + leaseLastsMs;
  }
}
