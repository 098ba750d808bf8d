import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { SettleBatch } from './settle-batch.js';

export interface SettleWriterOptions {
  /** What the database is known to have lost makes a batch wrong that was put together before. */
  history: { readonly number: number; isStill(number: number): Promise<boolean> };
  /** Writes a batch; answers the keys of the cursors that were still this worker's. */
  settle(batch: SettleBatch, options: { isRepeated: boolean; withAttempts: boolean }): Promise<Set<string>>;
  lines: DeliveryLog;
  random: () => number;
}

const firstBackoffMs = 100;
const longestBackoffMs = 5_000;

/** Writes a batch, however long the database is away: its results exist nowhere else. */
export class SettleWriter {
  private gaveUp = false;

  constructor(private readonly options: SettleWriterOptions) {}

  get hasGivenUp(): boolean {
    return this.gaveUp;
  }

  /** From now on a batch that fails is let go: what it held is delivered again by the next owner. */
  giveUp(): void {
    this.gaveUp = true;
  }

  async write(batch: SettleBatch): Promise<Set<string>> {
    const { number } = this.options.history;
    let withAttempts = true;
    for (let failures = 0; ; failures += 1) {
      try {
        if (!(await this.options.history.isStill(number))) return new Set();
        return await this.options.settle(batch, { isRepeated: failures > 0, withAttempts });
      } catch (error) {
        this.options.lines.warn('delivery.settle-failed', {
          results: batch.results,
          failures: failures + 1,
          error: errorText(error),
        });
        if (isRefusedForGood(error)) withAttempts = false;
        if (this.gaveUp) return new Set();
        await this.backoff(failures);
      }
    }
  }

  private async backoff(failures: number): Promise<void> {
    const longest = Math.min(firstBackoffMs * 2 ** failures, longestBackoffMs);
    await new Promise((resolve) => setTimeout(resolve, longest * (0.5 + this.options.random() / 2)));
  }
}

/**
 * Classes 22 and 23 of SQLSTATE: the server will never take these rows. That can only be a row of attempts (no
 * partition for its day), and history must not hold up the deliveries themselves.
 */
function isRefusedForGood(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^2[23]/.test(code);
}
