import type { LogReader } from '../event-log.js';
import { reasonOf } from '../append/failure.js';
import type { LogLine } from '../log-line.js';

export interface HeadWatchOptions {
  reader: Pick<LogReader, 'heads'>;
  /** Milliseconds between two looks at the heads that somebody waits for. @default 1000 */
  intervalMs?: number;
  log?: LogLine;
}

interface Waiter {
  after: ReadonlyMap<number, number>;
  finish(grown: boolean): void;
}

/**
 * Lets readers wait for new events, for long polls and event streams. Hints wake them at once: this process's appends
 * (`onAppended`) and notifications of others. Hints may be lost, so one look a second at the heads of the streams that
 * somebody waits for is the truth; with nobody waiting there is none.
 */
export class HeadWatch {
  private readonly waiters = new Set<Waiter>();
  /** The highest seq heard of, by stream. */
  private readonly known = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> | undefined;
  private stopped = true;

  constructor(private readonly options: HeadWatchOptions) {}

  /** Streams have grown up to these positions; what is lower than known is ignored. */
  advance(heads: ReadonlyMap<number, number>): void {
    for (const [streamId, seq] of heads) {
      if (seq > (this.known.get(streamId) ?? 0)) this.known.set(streamId, seq);
    }
    for (const waiter of this.waiters) if (this.isBehind(waiter.after)) waiter.finish(true);
  }

  /**
   * Waits until one of the streams has an event behind the given seq.
   *
   * @param after stream → last seq that was read
   * @returns false when the time was up or the signal aborted first
   */
  async waitForHead(after: ReadonlyMap<number, number>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.isBehind(after)) return true;
    if (timeoutMs <= 0 || signal?.aborted === true) return false;
    return new Promise((resolve) => {
      const giveUp = () => waiter.finish(false);
      const timer = setTimeout(giveUp, timeoutMs);
      const waiter: Waiter = {
        after,
        finish: (grown) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', giveUp);
          this.waiters.delete(waiter);
          resolve(grown);
        },
      };
      signal?.addEventListener('abort', giveUp);
      this.waiters.add(waiter);
    });
  }

  start(): void {
    this.stopped = false;
    this.schedule();
  }

  /** Looks at the heads of the streams that somebody waits for. */
  async runOnce(): Promise<{ streams: number }> {
    const streamIds = new Set([...this.waiters].flatMap(({ after }) => [...after.keys()]));
    // What was heard may be wrong (anyone may notify; a failover may lose the newest events): it counts for one round.
    this.known.clear();
    if (streamIds.size === 0) return { streams: 0 };
    const heads = await this.options.reader.heads([...streamIds]);
    this.advance(new Map(Array.from(heads, ([streamId, { seq }]) => [streamId, seq])));
    return { streams: streamIds.size };
  }

  /** Sends everybody who waits away. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const waiter of this.waiters) waiter.finish(false);
    await this.round;
  }

  private isBehind(after: ReadonlyMap<number, number>): boolean {
    for (const [streamId, seq] of after) if ((this.known.get(streamId) ?? 0) > seq) return true;
    return false;
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.round = this.runOnce()
        .catch((error: unknown) => this.options.log?.('log.head-watch-failed', { reason: reasonOf(error) }))
        .finally(() => {
          if (!this.stopped) this.schedule();
        });
    }, this.options.intervalMs ?? 1_000);
    this.timer.unref();
  }
}
