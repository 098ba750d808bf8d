import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { AppendConnection } from './append-connection.js';
import { AppendQueue } from './append-queue.js';
import { toRequest, type AppendRequest } from './append-request.js';
import { ensureDays } from '../days/day-partitions.js';
import { addDays, startOf, type Day } from '../days/day.js';
import { findDefects, InvalidEventError } from './event-check.js';
import type { NewEvent } from '../event.js';
import { reasonOf } from './failure.js';
import { Flusher, type AppendResult, type FlushReport } from './flusher.js';
import type { LogLine } from '../log-line.js';
import type { TopicRef } from '../stream.js';

export interface AppenderOptions {
  /** Where to connect to. Appending has a connection of its own. */
  pool: pg.Pool;
  /** Most events of one flush. A larger request is a flush of its own. @default 1000 */
  maxBatchEvents?: number;
  /** Most bytes of one flush, data and about 512 for each event. @default 1 MiB */
  maxBatchBytes?: number;
  /** Bytes that may wait or be on their way; beyond, `append` answers unavailable. @default 64 MiB */
  maxQueuedBytes?: number;
  /** Milliseconds for connecting and for each statement; then the database counts as away. @default 5000 */
  timeoutMs?: number;
  /** The time of storing, for tests. @default the database's clock */
  now?: () => Date;
  /** Told after each commit: stream → last position. */
  onAppended?: (heads: ReadonlyMap<number, number>) => void;
  log?: LogLine;
}

interface WaitingRequest extends AppendRequest {
  resolve(result: AppendResult): void;
  reject(error: unknown): void;
}

const retryAfterSeconds = 2;
const awayReason = 'the database cannot be reached';
const firstRetryMs = 100;
const longestRetryMs = 2_000;

/**
 * Writes events to the log. All publishes of a process share its flushes: a request joins the next batch, and while
 * one is on its way the next one grows. An idle appender flushes at once. One flush at a time: a second one would
 * mostly wait for the first one's streams, and halve the batches.
 */
export class Appender {
  private readonly queue = new AppendQueue<WaitingRequest>();
  private readonly connection: AppendConnection;
  private readonly flusher: Flusher<WaitingRequest>;
  private heldBytes = 0;
  private flushing = false;
  private scheduled = false;
  private stopping = false;
  private isAway = false;
  private whenIdle: (() => void) | undefined;

  constructor(private readonly options: AppenderOptions) {
    const { pool, timeoutMs = 5_000, now } = options;
    this.connection = new AppendConnection({ pool, timeoutMs, now });
    const makeDay = async (day: Day) => ensureDays(pool, startOf(addDays(day, -1)), 2);
    this.flusher = new Flusher({ connection: this.connection, now, makeDay, retryAfterSeconds });
  }

  /**
   * Stores the events of one publish, all or none, and answers after COMMIT.
   *
   * @throws InvalidEventError for events that the API should have refused; Postgres's error for content that it
   * refuses nevertheless. In both cases nothing of the request was stored.
   */
  async append(topic: TopicRef, events: readonly NewEvent[]): Promise<AppendResult> {
    const defects = findDefects(events);
    if (defects.length > 0) throw new InvalidEventError(defects);
    if (events.length === 0) return { kind: 'appended', events: [] };
    if (topic.streams.length === 0) return { kind: 'unknown-topic' };
    const check = toRequest(topic, events);
    if (check.kind === 'conflict') return check;
    const refusal = this.refusal(check.request.bytes);
    if (refusal !== undefined) return unavailable(refusal);
    return new Promise((resolve, reject) => {
      this.heldBytes += check.request.bytes;
      this.queue.push({ ...check.request, resolve, reject });
      this.schedule();
    });
  }

  /** Takes nothing more, stores what waits, closes its connection. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.heldBytes > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    await this.connection.close();
  }

  private refusal(bytes: number): string | undefined {
    if (this.stopping) return 'the program is stopping';
    if (this.isAway) return awayReason;
    const limit = this.options.maxQueuedBytes ?? 64 * 1024 * 1024;
    // A request larger than the limit still passes when nothing else waits.
    if (this.heldBytes > 0 && this.heldBytes + bytes > limit) return 'more is published than the database can store';
    return undefined;
  }

  /** Behind the requests that arrive in this round of the event loop, so that they share the flush. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.flushing) void this.flushAll();
    });
  }

  private async flushAll(): Promise<void> {
    this.flushing = true;
    while (this.queue.length > 0) await this.flush();
    this.flushing = false;
  }

  private async flush(): Promise<void> {
    const { maxBatchEvents = 1000, maxBatchBytes = 1024 * 1024 } = this.options;
    const requests = this.queue.take({ events: maxBatchEvents, bytes: maxBatchBytes });
    let report: FlushReport<WaitingRequest>;
    try {
      report = await this.flusher.flush(requests);
    } catch (error) {
      this.connection.drop(); // in whatever state a bug has left it
      for (const request of requests) this.release(request).reject(error);
      return;
    }
    this.settle(report);
  }

  private settle(report: FlushReport<WaitingRequest>): void {
    this.queue.putBack(report.deferred);
    if (report.lost !== undefined) this.lose(report.lost);
    for (const [request, answer] of report.answers) this.release(request).resolve(answer);
    for (const [request, error] of report.failures) this.release(request).reject(error);
    if (report.failures.size > 0) this.options.log?.('append.refused', { requests: report.failures.size });
    if (report.heads.size > 0) this.announce(report.heads);
  }

  /** Whoever listens must not be able to stop the publishing. */
  private announce(heads: ReadonlyMap<number, number>): void {
    try {
      this.options.onAppended?.(heads);
    } catch (error) {
      this.options.log?.('append.announce-failed', { reason: reasonOf(error) });
    }
  }

  private release(request: WaitingRequest): WaitingRequest {
    this.heldBytes -= request.bytes;
    if (this.heldBytes === 0) this.whenIdle?.();
    return request;
  }

  /**
   * Without a server, publishes are refused at once instead of waiting for a timeout each. A connection that merely
   * broke is opened again by the next flush.
   */
  private lose({ detail, unreachable }: { detail: string; unreachable: boolean }): void {
    this.connection.drop();
    if (!unreachable) return;
    this.isAway = true;
    this.options.log?.('append.unavailable', { reason: detail });
    for (const request of this.queue.takeAll()) this.release(request).resolve(unavailable(awayReason));
    void this.recover();
  }

  private async recover(): Promise<void> {
    for (let waitMs = firstRetryMs; !this.stopping; waitMs = Math.min(2 * waitMs, longestRetryMs)) {
      try {
        await this.connection.open();
        this.isAway = false;
        this.options.log?.('append.resumed', {});
        return;
      } catch {
        await pause(waitMs, undefined, { ref: false });
      }
    }
  }
}

function unavailable(reason: string): AppendResult {
  return { kind: 'unavailable', reason, retryAfterSeconds };
}
