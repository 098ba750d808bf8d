/** Tokens that a bucket holds at most: a fifth of a second's worth, and at least one event's. */
export function burstOf(rate: number): number {
  return Math.max(rate / 5, 1);
}

/** Milliseconds between two leases, at least; a bucket fills meanwhile. */
const leaseEveryMs = 100;
/** Milliseconds that leased tokens are good for: what was not needed then must not make a burst later. */
const leaseLastsMs = 1_000;

/**
 * Tokens that one worker has leased from the bucket of a subscription, which all workers share: one token, one event.
 * Times are unix milliseconds.
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

  /** @param waitMs until the bucket has the next token */
  granted({ tokens, waitMs, now }: { tokens: number; waitMs: number; now: number }): void {
    this.isAsked = false;
    this.tokens = this.left(now) + tokens;
    this.expiresAt = now + leaseLastsMs;
    this.askAt = now + Math.max(leaseEveryMs, tokens > 0 ? 0 : waitMs);
  }

  /** The database was away. */
  refused(now: number): void {
    this.isAsked = false;
    this.askAt = now + leaseLastsMs;
  }
}
