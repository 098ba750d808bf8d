/** Tokens that a bucket holds at most: a fifth of a second's worth, and at least one event's. */
export function burstOf(rate: number): number {
  return Math.max(rate / 5, 1);
}

/** Milliseconds between two leases, at least; a bucket fills meanwhile. */
const leaseEveryMs = 100;
/** Milliseconds that leased tokens are good for, but for one that is waited with: what was not needed must not make a burst later. */
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
  /** Its sender has not had a turn since: it may stand in line for longer than tokens last, and would never get one. */
  private isAwaited = false;
  private askAt = 0;
  /** `waiting`: for the moment to ask; `asking`: a statement is under way. */
  private state: 'idle' | 'waiting' | 'asking' = 'idle';
  /** The rate has changed while a statement was under way: what that says of the next token is wrong. */
  private isOutdated = false;

  /** Events that may be sent with what is left. */
  left(now: number): number {
    if (now < this.expiresAt) return this.tokens;
    return this.isAwaited ? Math.min(this.tokens, 1) : 0;
  }

  spend(events: number): void {
    this.tokens -= events;
    this.isAwaited = false;
  }

  /** The sender had its turn, and nothing to send. */
  passTurn(): void {
    this.isAwaited = false;
  }

  /** True when there is nothing left and nobody has asked for more. */
  isWanted(now: number): boolean {
    return this.state === 'idle' && this.left(now) < 1;
  }

  /** When to ask. */
  get nextAskAt(): number {
    return this.askAt;
  }

  /** Asks for more at `nextAskAt`. */
  waits(): void {
    this.state = 'waiting';
  }

  /** False when the rate has changed since, and somebody has asked already. */
  get isWaiting(): boolean {
    return this.state === 'waiting';
  }

  asked(): void {
    this.state = 'asking';
    this.isOutdated = false;
  }

  /** At another rate the next token comes at another time, which may be much sooner. */
  rateChanged(): void {
    this.askAt = 0;
    if (this.state === 'asking') this.isOutdated = true;
    else this.state = 'idle';
  }

  /**
   * There was nothing left when they were asked for, so these are all.
   *
   * @param waitMs until the bucket has the next token
   * @param askedAt from before the statement: a worker that was stopped until its answer came has nothing in hand
   */
  granted({ tokens, waitMs, askedAt, now }: Granted): void {
    this.state = 'idle';
    this.tokens = tokens;
    this.expiresAt = askedAt + leaseLastsMs;
    this.isAwaited = tokens > 0 && now < this.expiresAt;
    this.askAt = now + Math.max(leaseEveryMs, tokens > 0 || this.isOutdated ? 0 : waitMs);
  }

  /** The database was away. */
  refused(now: number): void {
    this.state = 'idle';
    this.askAt = now + leaseLastsMs;
  }
}
