import type { HookResponse } from '@hookcast/egress';
import { errorFingerprint } from '../outcome/error-fingerprint.js';
import type { HookEvent } from '../sending/hook-event.js';
import { isAskedFor, retryKind } from '../sending/lanes.js';
import type { DeadReason, Outcome } from '../outcome/outcome.js';
import type { StreamCursor } from '../reading/owned-stream.js';
import type { WaitingRetry } from '../sending/sender.js';
import type { Delivery } from '../delivery.js';
import { attemptOutcome, SettleBatch } from './settle-batch.js';
import type { SettleWriter } from './settle-writer.js';

export interface SettlerOptions {
  writer: SettleWriter;
  /** `failures` keeps no row of successful attempts. */
  attemptLog: 'all' | 'failures';
  /** Milliseconds that a result waits for others. */
  intervalMs: number;
  /** Results that are written without waiting longer. */
  batchResults: number;
  /** Results kept in memory while the database does not take them; nothing more is sent then. */
  maxUnsettled: number;
  onCommitted(batch: SettleBatch): void;
  /** Another worker owns these streams now, or the subscription is gone. */
  onFenced(cursors: readonly StreamCursor[]): void;
}

/** What an attempt came to. */
export interface AttemptResult {
  outcome: Outcome;
  /** The next attempt carries this event only. */
  isAlone: boolean;
  /** Events of the request. */
  events: number;
  /** Unix milliseconds. */
  now: number;
}

/** Bytes of an answer that are kept. That of a batch is kept with every event of it. */
const keptOfSuccess = 1_024;
const keptOfFailure = 8_192;
const keptOfBatch = 256;

/** Collects results and writes them in batches, one at a time and in order. */
export class Settler {
  private open = new SettleBatch();
  private writing: SettleBatch | undefined;
  private written: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private batches = { begun: 0, ended: 0 };

  constructor(private readonly options: SettlerOptions) {}

  get unsettled(): number {
    return this.open.results + (this.writing?.results ?? 0);
  }

  get hasRoom(): boolean {
    return this.unsettled < this.options.maxUnsettled;
  }

  get isIdle(): boolean {
    return this.unsettled === 0;
  }

  /** Number of the batch that holds the last result there is. */
  get lastBatch(): number {
    return this.batches.begun + (this.open.results > 0 ? 1 : 0);
  }

  /** The batch is stored, or its results count no longer. */
  isWritten(batch: number): boolean {
    return this.batches.ended >= batch;
  }

  /** Takes down what an attempt came to, and answers the kind of the row that waits for the next one, if there is any. */
  add(delivery: Delivery, response: HookResponse, result: AttemptResult): number | undefined {
    const { cursor, event } = delivery;
    this.record(delivery, response, result);
    const kind = this.apply(delivery, response, result);
    this.settled(cursor, event, delivery);
    return kind;
  }

  /** An attempt that leaves the delivery where it was. */
  note(delivery: Delivery, response: HookResponse, result: AttemptResult): void {
    this.record(delivery, response, result);
    this.touch(delivery.cursor);
  }

  private record(delivery: Delivery, response: HookResponse, result: AttemptResult): void {
    const { cursor, event, attempt } = delivery;
    const { outcome, now } = result;
    if (outcome.kind !== 'delivered' || this.options.attemptLog === 'all') {
      this.open.attempts.push({
        cursor,
        seq: event.seq,
        attempt,
        outcome: attemptOutcome[outcome.kind],
        status: statusOf(response),
        durationMs: Math.round(response.durationMs),
        at: now,
        error: 'error' in outcome ? outcome.error : null,
        response: keptResponse(response, result),
      });
    }
  }

  /** The event is not to be delivered yet: its delivery becomes a row that is due then. */
  postpone({ cursor, event }: Delivery): void {
    const { seq, at: eventAt, deliverAt } = event;
    const [kind, operationId] = [retryKind.delayed, null];
    const row = { cursor, seq, eventAt, attempts: 0, kind, operationId, at: deliverAt, error: null, isRepeat: false };
    this.open.retries.push(row);
    this.settled(cursor, event, undefined);
  }

  /** The subscription does not want the event: settled like a delivered one, without an attempt. */
  pass({ cursor, event }: Delivery): void {
    cursor.count('filtered');
    this.settled(cursor, event, undefined);
  }

  /** The event is not worth delivering any more. */
  expire(delivery: Delivery, now: number): void {
    this.bury(delivery, { reason: 'expired', error: null, status: null, attempts: delivery.attempt - 1, now });
    this.settled(delivery.cursor, delivery.event, delivery);
  }

  /**
   * The event of a waiting delivery went with its day before it could be sent again.
   *
   * @param isBuried the log has made a dead letter of it, so it is accounted for
   */
  lose({ cursor, seq, kind, isRepeat }: WaitingRetry, isBuried: boolean): void {
    if (!isBuried) cursor.count('expired');
    if (!isBuried && isRepeat) cursor.count('repeated');
    this.open.finished.push({ cursor, seq, kind, hasFailed: true });
    this.touch(cursor);
  }

  /** Writes everything there is and waits until it is written, or given up. */
  async flush(): Promise<void> {
    while (!this.isIdle) {
      this.write();
      await this.written;
    }
  }

  private apply(
    delivery: Delivery,
    response: HookResponse,
    { outcome, now, isAlone }: AttemptResult,
  ): number | undefined {
    const { cursor, attempt } = delivery;
    switch (outcome.kind) {
      case 'delivered':
        cursor.count('delivered');
        return this.finish(delivery);
      case 'dropped':
        cursor.count('dropped');
        return this.finish(delivery);
      case 'dead': {
        const { reason, error } = outcome;
        return this.bury(delivery, { reason, error, status: statusOf(response), attempts: attempt, now });
      }
      case 'retry':
      case 'suspend':
        return this.again(delivery, outcome, { now, isAlone });
    }
  }

  private again(
    delivery: Delivery,
    outcome: Extract<Outcome, { kind: 'retry' | 'suspend' }>,
    { now, isAlone }: { now: number; isAlone: boolean },
  ): number {
    const { cursor, event, attempt, retry } = delivery;
    // A suspended subscription keeps the delivery as one that is due as soon as it is resumed.
    const at = outcome.kind === 'retry' ? outcome.at : now;
    const kind = kindAfterFailure(delivery, isAlone);
    const operationId = retry?.operationId ?? null;
    const { seq, at: eventAt } = event;
    this.open.retries.push({
      cursor,
      seq,
      eventAt,
      attempts: attempt,
      kind,
      operationId,
      at,
      error: outcome.error,
      isRepeat: retry?.isRepeat ?? false,
    });
    return kind;
  }

  private finish({ cursor, retry }: Delivery, { hasFailed } = { hasFailed: false }): undefined {
    if (!retry) return;
    if (retry.isRepeat) cursor.count('repeated');
    this.open.finished.push({ cursor, seq: retry.seq, kind: retry.kind, hasFailed });
  }

  private bury(
    delivery: Delivery,
    death: { reason: DeadReason; error: string | null; status: number | null; attempts: number; now: number },
  ): undefined {
    const { cursor, event } = delivery;
    const { reason, error, status, attempts, now } = death;
    cursor.count('dead');
    const fingerprint = errorFingerprint({ reason, error, status });
    this.open.dead.push({ cursor, event, attempts, reason, fingerprint, error, status, at: now });
    this.finish(delivery, { hasFailed: true });
  }

  private settled(cursor: StreamCursor, event: HookEvent, delivery: Delivery | undefined): void {
    // A retry was settled in the cursor when its row was written.
    if (!delivery?.retry) cursor.settled.add(event.seq, event.at);
    this.touch(cursor);
  }

  /** Writes the cursor as it stands, with the next batch. */
  touch(cursor: StreamCursor): void {
    this.open.touch(cursor);
    this.schedule();
  }

  private schedule(): void {
    if (this.writing || this.open.results === 0) return;
    if (this.open.results >= this.options.batchResults) this.write();
    else this.timer ??= setTimeout(() => this.write(), this.options.intervalMs);
  }

  private write(): void {
    if (this.writing || this.open.results === 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    const batch = this.open;
    this.open = new SettleBatch();
    this.writing = batch;
    this.batches.begun += 1;
    batch.close();
    this.written = this.options.writer.write(batch).then((written) => this.committed(batch, written));
  }

  private committed(batch: SettleBatch, written: ReadonlySet<string>): void {
    this.writing = undefined;
    this.batches.ended += 1;
    batch.release();
    const fenced = batch.cursorRows.map(({ cursor }) => cursor).filter((cursor) => !written.has(cursor.key));
    if (fenced.length > 0) this.options.onFenced(fenced);
    this.options.onCommitted(batch);
    this.schedule();
  }
}

/** What was asked for by hand stays so; what has failed in a batch goes by itself from then on. */
function kindAfterFailure({ retry }: Delivery, isAlone: boolean): number {
  if (retry !== undefined && isAskedFor(retry.kind)) return retry.kind;
  return isAlone || retry?.kind === retryKind.alone ? retryKind.alone : retryKind.retry;
}

const statusOf = (response: HookResponse): number | null => (response.kind === 'answered' ? response.status : null);

function keptResponse(response: HookResponse, { outcome, events }: AttemptResult): Buffer | null {
  if (response.kind === 'failed' || response.body.length === 0) return null;
  const most = events > 1 ? keptOfBatch : outcome.kind === 'delivered' ? keptOfSuccess : keptOfFailure;
  return response.body.subarray(0, most);
}
