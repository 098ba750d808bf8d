/** Milliseconds between two releases: shorter ones would cost more than they spread, longer ones would be bursts. */
const releaseEveryMs = { least: 5, most: 25 };
/** Deliveries that are let go together, where their rate allows for it. */
const together = 5;
/** Milliseconds whose releases are made up for when the process was late; more than that would be a burst. */
const madeUpMs = 100;
/** Over the rate at which an operation is fed, so that what came late is made up for. */
const headroom = 1.1;

/**
 * Lets deliveries go evenly at so many a second. What was not used is soon lost: a burst would take from live
 * deliveries just what pacing is to leave to them. Times are milliseconds of one clock.
 */
export class EvenPace {
  private left = 1;
  private at: number | undefined;

  /** Takes what may go now, of so many that wait. */
  take(waiting: number, { rate, now }: { rate: number; now: number }): number {
    const perMs = (rate * headroom) / 1_000;
    this.left = Math.min(this.left + Math.max(now - (this.at ?? now), 0) * perMs, Math.max(madeUpMs * perMs, 1));
    this.at = now;
    const taken = Math.max(Math.min(Math.floor(this.left), waiting), 0);
    this.left -= taken;
    return taken;
  }

  /** More went than was taken for it. */
  spend(deliveries: number): void {
    this.left -= deliveries;
  }

  /** Milliseconds until the next ones may go, if there was none left. */
  waitMs(rate: number): number {
    return Math.max(Math.ceil(((1 - this.left) * 1_000) / (rate * headroom)), everyMs(rate));
  }
}

function everyMs(rate: number): number {
  return Math.min(Math.max(Math.round((together * 1_000) / rate), releaseEveryMs.least), releaseEveryMs.most);
}
