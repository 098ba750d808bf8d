import type { BatchLimits } from './batch-draft.js';

/**
 * Reading, sending and settling events keeps a thread for some ten microseconds each, and several times as long when it does
 * so for the first time: the service answers nobody meanwhile. Fewer in a request cost more for each of them.
 */
const fewest = 50;
const most = { maxEvents: 250, maxBytes: 1024 * 1024 };

/** So many for each millisecond that the last answer took: about a tenth of the thread. */
const eventsPerMs = 10;

/**
 * How many events go out of the spool in a request: few while the broker is quick, so that the service is held up by none
 * for long, and more when it takes its time, so that the spool gets empty all the same.
 */
export class SpoolPace {
  /** Its figures change. */
  readonly limits: BatchLimits;
  private readonly most: number;

  constructor({ maxEvents, maxBytes }: BatchLimits) {
    this.most = Math.min(maxEvents, most.maxEvents);
    this.limits = { maxEvents: Math.min(fewest, this.most), maxBytes: Math.min(maxBytes, most.maxBytes) };
  }

  /** The broker has answered a request after so long. At most twice as many go into the next. */
  note(durationMs: number): void {
    const worth = Math.max(fewest, Math.round(durationMs * eventsPerMs));
    this.limits.maxEvents = Math.min(worth, 2 * this.limits.maxEvents, this.most);
  }
}
