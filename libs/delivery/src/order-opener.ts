import { errorText, type DeliveryLog } from './delivery-log.js';
import type { StreamCursor } from './owned-stream.js';
import type { RetryStore } from './retry-store.js';

export interface OpenerOptions {
  store: Pick<RetryStore, 'failing'>;
  lines: DeliveryLog;
  /** Nothing is being read any more. */
  onIdle(): void;
}

/** Tells the gates of cursors that have just begun which deliveries fail; nothing passes them before. */
export class OrderOpener {
  private readonly wanting = new Set<StreamCursor>();
  private isReading = false;

  constructor(private readonly options: OpenerOptions) {}

  get isIdle(): boolean {
    return !this.isReading;
  }

  want(cursor: StreamCursor): void {
    if (cursor.order.isOpen) return;
    this.wanting.add(cursor);
    this.run();
  }

  /** Reads for those that wait, also after a read that failed. */
  run(): void {
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
