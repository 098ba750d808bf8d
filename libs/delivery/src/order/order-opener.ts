import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { StreamCursor } from '../reading/owned-stream.js';
import { FailingCheck, type FailingCheckOptions } from './failing-check.js';

export interface OpenerOptions extends FailingCheckOptions {
  lines: DeliveryLog;
  /** Nothing is being read any more. */
  onIdle(): void;
}

/** Tells the gates of cursors that have just begun which deliveries fail; nothing passes them before. */
export class OrderOpener {
  private readonly wanting = new Set<StreamCursor>();
  private isReading = false;
  private readonly check: FailingCheck;

  constructor(private readonly options: OpenerOptions) {
    this.check = new FailingCheck(options);
  }

  get isIdle(): boolean {
    return !this.isReading;
  }

  want(cursor: StreamCursor): void {
    if (cursor.order.isOpen) return;
    this.wanting.add(cursor);
    this.run();
  }

  /** Reads for those that wait, also after a read that failed; now and then looks up whether what fails is still there. */
  async runOnce(): Promise<{ forgotten: number }> {
    this.run();
    return this.check.runOnce();
  }

  private run(): void {
    if (this.isReading || this.wanting.size === 0) return;
    this.isReading = true;
    void this.open().finally(() => {
      this.isReading = false;
      this.options.onIdle();
    });
  }

  private async open(): Promise<void> {
    while (this.wanting.size > 0) {
      // A turn of the event loop gathers the cursors that begin together.
      await new Promise((resolve) => setImmediate(resolve));
      const cursors = [...this.wanting];
      try {
        await this.openAll(cursors);
      } catch (error) {
        // The poll tries again.
        return this.options.lines.warn('delivery.order-read-failed', {
          cursors: cursors.length,
          error: errorText(error),
        });
      }
    }
  }

  private async openAll(cursors: readonly StreamCursor[]): Promise<void> {
    const gates = new Map(cursors.map((cursor) => [cursor, cursor.order] as const));
    const rows = await this.options.store.failing(
      cursors.map(({ stream, sender }) => ({ streamId: stream.streamId, subscriptionId: sender.subscriptionId })),
    );
    for (const [cursor, gate] of gates) {
      // Another gate has taken its place meanwhile: that one asks for itself.
      if (cursor.order === gate) this.wanting.delete(cursor);
      if (cursor.isClosed || gate.isOpen) continue;
      const { streamId } = cursor.stream;
      const { subscriptionId } = cursor.sender;
      gate.open(rows.filter((row) => row.streamId === streamId && row.subscriptionId === subscriptionId));
    }
  }
}
