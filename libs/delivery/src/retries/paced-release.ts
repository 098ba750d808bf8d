import { EvenPace } from '../flow/even-pace.js';
import type { Sender, WaitingRetry } from '../sending/sender.js';
import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';

export interface PacedReleaseOptions {
  clock: Clock;
  alarms: AlarmClock;
  /** What part of their rates operations may use, at most 1. */
  share: () => number;
  /** The delivery may be sent. */
  onReleased: (retry: WaitingRetry, sender: Sender) => void;
}

interface Line {
  readonly pace: EvenPace;
  waiting: { retry: WaitingRetry; sender: Sender }[];
  /** Deliveries a second; null for as many as it takes, undefined until it is known. */
  rate: number | null | undefined;
  isArmed: boolean;
}

/**
 * Deliveries of operations whose event is in memory, let go as evenly as the rate of the operation says: the worker
 * finds them by the hundred, when it looks for them, and they would go out in a burst.
 */
export class PacedRelease {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly options: PacedReleaseOptions) {}

  /** False for one that is no operation's: it may be sent at once. */
  add(retry: WaitingRetry, sender: Sender): boolean {
    const { operationId } = retry;
    if (operationId === null) return false;
    const line = this.lineOf(operationId);
    line.waiting.push({ retry, sender });
    sender.held += 1;
    if (!line.isArmed) this.release(line);
    return true;
  }

  /** What operations say of their rates now; of those that have nothing here any more nothing is kept. */
  setRates(rates: ReadonlyMap<string, number | null>): void {
    for (const [id, rate] of rates) this.lineOf(id).rate = rate;
    for (const [id, line] of this.lines) {
      if (line.waiting.length === 0 && !rates.has(id)) this.lines.delete(id);
      else if (!line.isArmed) this.release(line);
    }
  }

  /** Operations that have something waiting, with the rate they may have now. */
  *slowed(): Iterable<{ operationId: string; pace: number }> {
    const share = this.options.share();
    if (share >= 1) return;
    for (const [operationId, { rate, waiting }] of this.lines)
      if (waiting.length > 0 && typeof rate === 'number') yield { operationId, pace: rate * share };
  }

  private release(line: Line): void {
    const { clock, alarms, share, onReleased } = this.options;
    const { pace, rate } = line;
    const kept = line.waiting.filter(({ retry, sender }) => {
      if (retry.isDropped) sender.held -= 1;
      return !retry.isDropped;
    });
    line.waiting = kept;
    if (rate === undefined) return;
    const now = clock.now();
    const allowed = (rate ?? Number.POSITIVE_INFINITY) * share();
    const count = rate === null ? kept.length : pace.take(kept.length, { rate: allowed, now });
    for (const { retry, sender } of kept.splice(0, count)) {
      sender.held -= 1;
      onReleased(retry, sender);
    }
    if (kept.length === 0) return;
    line.isArmed = true;
    alarms.set(now + pace.waitMs(allowed), () => {
      line.isArmed = false;
      this.release(line);
    });
  }

  private lineOf(operationId: string): Line {
    const known = this.lines.get(operationId);
    if (known) return known;
    const line: Line = { pace: new EvenPace(), waiting: [], rate: undefined, isArmed: false };
    this.lines.set(operationId, line);
    return line;
  }
}
