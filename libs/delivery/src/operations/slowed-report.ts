import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { PacedRelease } from '../retries/paced-release.js';
import type { LiveWatch } from '../flow/live-watch.js';
import type { SlowedOperation } from './slowed-operation-store.js';

export interface SlowedReportOptions {
  watch: Pick<LiveWatch, 'reason'>;
  release: Pick<PacedRelease, 'slowed'>;
  noteSlowed: (slowed: SlowedOperation) => Promise<void>;
  lines: DeliveryLog;
}

/** Says in operations that give way on this worker at what pace they go, and why. */
export class SlowedReport {
  private isRunning = false;
  private wasSlowed = false;

  constructor(private readonly options: SlowedReportOptions) {}

  /** Nobody waits for it: what it says is a hint. */
  run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    void this.runOnce().finally(() => {
      this.isRunning = false;
    });
  }

  async runOnce(): Promise<{ slowed: number }> {
    const { watch, release, noteSlowed, lines } = this.options;
    const { reason } = watch;
    this.log(reason);
    let slowed = 0;
    if (reason === undefined) return { slowed };
    for (const { operationId, pace } of release.slowed()) {
      try {
        await noteSlowed({ operationId, pace, reason });
        slowed += 1;
      } catch (error) {
        lines.warn('operation.slowed-not-noted', { operation: operationId, error: errorText(error) });
      }
    }
    return { slowed };
  }

  private log(reason: string | undefined): void {
    const isSlowed = reason !== undefined;
    if (isSlowed === this.wasSlowed) return;
    this.wasSlowed = isSlowed;
    if (isSlowed) this.options.lines.info('delivery.gives-way', { reason });
    else this.options.lines.info('delivery.full-rate', {});
  }
}
