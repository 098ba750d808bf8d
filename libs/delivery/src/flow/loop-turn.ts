import type { Clock } from '../timing/clock.js';

/** Milliseconds of a turn of the event loop that those use who leave the rest to others. */
const leastMs = 0.25;
/**
 * They use so much of the time that the turn before took, where that is more: when others fill the turns, who gave way
 * to them altogether would never catch up. Each millisecond brings several with it (answers to read, rows to write), so
 * a larger part would make one long turn the cause of the next.
 */
const share = 0.08;

export interface LoopTurnOptions {
  clock: Pick<Clock, 'monotonic'>;
  /** The next turn has begun. */
  onTurn(): void;
  /** Calls back in the next turn. @default setImmediate */
  schedule?: ((work: () => void) => void) | undefined;
}

/**
 * Spreads work over turns of the event loop, so that nobody waits for a bunch of it: a publish takes about three turns,
 * its request, what the database says, its answer.
 */
export class LoopTurn {
  private began: number | undefined;
  private budgetMs = leastMs;
  private waiting: (() => void)[] = [];

  constructor(private readonly options: LoopTurnOptions) {}

  /** More may be done in this turn. */
  get hasRoom(): boolean {
    const now = this.options.clock.monotonic();
    this.begin(now);
    return now - (this.began ?? now) < this.budgetMs;
  }

  /** Does it now, or in one of the next turns; in the order in which it was asked for. */
  run(work: () => void): void {
    if (this.waiting.length === 0 && this.hasRoom) work();
    else this.waiting.push(work);
  }

  /** Will tell of the next turn, whatever happens in this one. */
  begin(now = this.options.clock.monotonic()): void {
    if (this.began !== undefined) return;
    this.began = now;
    // After what the poll has brought, and before the next one: requests and answers of others are read in between.
    (this.options.schedule ?? setImmediate)(() => this.next(now));
  }

  private next(began: number): void {
    this.budgetMs = Math.max((this.options.clock.monotonic() - began) * share, leastMs);
    this.began = undefined;
    if (this.waiting.length > 0) this.catchUp();
    this.options.onTurn();
  }

  private catchUp(): void {
    let done = 0;
    for (const work of this.waiting) {
      if (!this.hasRoom) break;
      done += 1;
      work();
    }
    this.waiting = this.waiting.slice(done);
  }
}
