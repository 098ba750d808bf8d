import type { Park } from '../flow/park.js';
import type { HookEvent } from '../sending/hook-event.js';
import type { CursorCounts, StreamCursor } from '../reading/owned-stream.js';
import type { DeadReason } from '../outcome/outcome.js';

/** outcome of a row in attempts */
export const attemptOutcome = { delivered: 1, retry: 2, dead: 3, dropped: 4, suspend: 5, discarded: 6 } as const;

/** One HTTP call that was made. */
export interface AttemptRow {
  readonly cursor: StreamCursor;
  readonly seq: number;
  readonly attempt: number;
  readonly outcome: number;
  readonly status: number | null;
  readonly durationMs: number;
  /** When its result was known, unix milliseconds. */
  readonly at: number;
  readonly error: string | null;
  readonly response: Buffer | null;
}

/** A delivery that waits: the row to write in retries. */
export interface RetryRow {
  readonly cursor: StreamCursor;
  readonly seq: number;
  readonly eventAt: number;
  /** Attempts made so far. */
  readonly attempts: number;
  readonly kind: number;
  /** The operation it is repeated for, if any. */
  readonly operationId: string | null;
  /** Its position was counted before. */
  readonly isRepeat: boolean;
  /** Unix milliseconds. */
  readonly at: number;
  readonly error: string | null;
}

export interface DeadLetterRow {
  readonly cursor: StreamCursor;
  readonly event: HookEvent;
  readonly attempts: number;
  readonly reason: DeadReason;
  readonly fingerprint: string;
  readonly error: string | null;
  readonly status: number | null;
  readonly at: number;
}

/** A delivery whose row in retries goes. */
export interface FinishedRetry {
  readonly cursor: StreamCursor;
  readonly seq: number;
  readonly kind: number;
  /** It was given up, or its event is gone. */
  readonly hasFailed: boolean;
}

/** A cursor as it was when its batch was closed. */
export interface CursorRow {
  readonly cursor: StreamCursor;
  readonly settledSeq: number;
  readonly settledAt: number;
  readonly above: string;
  /** Since the settle before. */
  readonly counts: CursorCounts;
  readonly park: Park | undefined;
  /** Of this settle, the same whenever it is sent again. */
  readonly settleNo: number;
}

/**
 * Results that are written together: in one statement, so that a cursor never moves past a delivery whose retry or
 * dead letter is not stored.
 */
export class SettleBatch {
  attempts: AttemptRow[] = [];
  retries: RetryRow[] = [];
  finished: FinishedRetry[] = [];
  dead: DeadLetterRow[] = [];
  /** Set when the batch is closed. */
  cursorRows: readonly CursorRow[] = [];
  results = 0;
  private readonly cursors = new Set<StreamCursor>();

  touch(cursor: StreamCursor): void {
    this.results += 1;
    if (this.cursors.has(cursor)) return;
    this.cursors.add(cursor);
    cursor.openBatches += 1;
  }

  get hasFailures(): boolean {
    return this.retries.length > 0 || this.finished.length > 0 || this.dead.length > 0;
  }

  /**
   * Fixes the cursors as they are now. A batch that is sent again after a failure must not carry them any further: what
   * was settled later has its rows in the next batch. Results of a cursor that has ended meanwhile are let go: another
   * one may stand in its place, begun again from the row, and they would be written under its name.
   */
  close(): void {
    this.attempts = this.attempts.filter(isOpen);
    this.retries = this.retries.filter(isOpen);
    this.finished = this.finished.filter(isOpen);
    this.dead = this.dead.filter(isOpen);
    // In the order in which everybody locks them.
    const open = [...this.cursors].filter(({ isClosed }) => !isClosed).toSorted(byPlace);
    this.cursorRows = open.map(cursorRow);
  }

  /** The batch is committed, or its results count no longer. */
  release(): void {
    for (const cursor of this.cursors) cursor.openBatches -= 1;
  }
}

const isOpen = ({ cursor }: { cursor: StreamCursor }): boolean => !cursor.isClosed;

const byPlace = (a: StreamCursor, b: StreamCursor): number =>
  a.stream.streamId - b.stream.streamId || a.sender.subscriptionId - b.sender.subscriptionId;

function cursorRow(cursor: StreamCursor): CursorRow {
  const { settled, park } = cursor;
  cursor.settleNo += 1;
  return {
    cursor,
    settledSeq: settled.low,
    settledAt: settled.lowAt,
    above: settled.aboveText(),
    counts: cursor.takeCounts(),
    park,
    settleNo: cursor.settleNo,
  };
}
