import type { OwnedStream, StreamCursor } from '../reading/owned-stream.js';
import type { RetryStore } from '../retries/retry-store.js';
import type { Clock } from '../timing/clock.js';

export interface FailingCheckOptions {
  store: Pick<RetryStore, 'failing'>;
  clock: Pick<Clock, 'now'>;
  streams: ReadonlyMap<number, OwnedStream>;
  settler: {
    /** Number of the batch that holds the last result there is. */
    readonly lastBatch: number;
    isWritten(batch: number): boolean;
  };
}

/** A day goes at most once a day; a minute more is not felt by whoever waited for it. */
const everyMs = 60_000;

interface Suspected {
  /** What held others back when the look began. */
  failing: ReadonlyMap<StreamCursor, readonly number[]>;
  /** Their rows are stored once this batch is. */
  batch: number;
}

/**
 * Finds out that a failing delivery has gone without this worker's doing, as a retry does whose event goes with its day:
 * its line would wait for it for ever.
 *
 * Race closed: a delivery fails in memory before its row is stored, so a missing row says something only of those that
 * failed before the last batch that was written when it was looked for.
 */
export class FailingCheck {
  private suspected: Suspected | undefined;
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: FailingCheckOptions) {}

  async runOnce(): Promise<{ forgotten: number }> {
    const { clock, settler } = this.options;
    if (this.suspected === undefined && clock.now() - this.lastAt >= everyMs) this.suspected = this.suspect();
    const { suspected } = this;
    if (suspected === undefined || !settler.isWritten(suspected.batch)) return { forgotten: 0 };
    const forgotten = suspected.failing.size === 0 ? 0 : await this.look(suspected.failing);
    this.suspected = undefined;
    this.lastAt = clock.now();
    return { forgotten };
  }

  private suspect(): Suspected {
    const failing = new Map<StreamCursor, readonly number[]>();
    for (const { cursors } of this.options.streams.values())
      for (const cursor of cursors.values())
        if (cursor.order.failing > 0) failing.set(cursor, cursor.order.failingSeqs);
    return { failing, batch: this.options.settler.lastBatch };
  }

  private async look(failing: Suspected['failing']): Promise<number> {
    const rows = await this.options.store.failing(
      [...failing.keys()].map(({ stream, sender }) => ({
        streamId: stream.streamId,
        subscriptionId: sender.subscriptionId,
      })),
    );
    const stored = new Set(rows.map(({ streamId, subscriptionId, seq }) => `${streamId}/${subscriptionId}/${seq}`));
    let forgotten = 0;
    for (const [cursor, seqs] of failing) {
      for (const seq of seqs.filter((one) => !cursor.isClosed && !stored.has(`${cursor.key}/${one}`))) {
        cursor.order.forget(seq);
        forgotten += 1;
      }
    }
    return forgotten;
  }
}
