import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { AppendConnection } from './append-connection.js';
import { AppendQueue } from './append-queue.js';
import { toRequest, type AppendRequest } from './append-request.js';
import { ensureDays } from './day-partitions.js';
import { startOf, type Day } from './day.js';
import { findDefects, InvalidEventError } from './event-check.js';
import type { NewEvent } from './event.js';
import { Flusher, type AppendResult, type FlushReport } from './flusher.js';
import type { LogLine } from './log-line.js';
import type { TopicRef } from './stream.js';

export interface AppenderOptions {
  /** Where to connect to. Appending uses connections of its own, opened like the pool's. */
  pool: pg.Pool;
  /** Most events of one flush. A larger request is a flush of its own. @default 1000 */
  maxBatchEvents?: number;
  /** Most bytes of one flush, data and about 512 for each event. @default 1 MiB */
  maxBatchBytes?: number;
  /** Bytes that may wait or be on their way; beyond, `append` answers unavailable. @default 64 MiB */
  maxQueuedBytes?: number;
  /** Flushes at the same time, each on its own connection. @default 1 */
  flushesInFlight?: number;
  /** Milliseconds for connecting and for each statement; then the database counts as away. @default 5000 */
  timeoutMs?: number;
  /** The time of storing, for tests. @default the database's clock */
  now?: () => Date;
  /** Told after each commit: stream → last position. Must not throw. */
  onAppended?: (heads: ReadonlyMap<number, number>) => void;
  log?: LogLine;
}

interface WaitingRequest extends AppendRequest {
  resolve(result: AppendResult): void;
  reject(error: unknown): void;
}

interface Lane {
  connection: AppendConnection;
  flusher: Flusher<WaitingRequest>;
  busy: boolean;
}

const retryAfterSeconds = 2;
const firstRetryMs = 100;
const longestRetryMs = 2_000;

/**
 * Writes events to the log. All publishes of a process share its flushes: a request joins the next batch, and while
 * one is on its way the next one grows. An idle appender flushes at once.
 */
export class Appender {
  private readonly queue = new AppendQueue<WaitingRequest>();
  private readonly lanes: Lane[];
  private heldBytes = 0;
  private scheduled = false;
  private stopping = false;
  /** Why the database cannot be reached; undefined while it can, as far as is known. */
  private away: string | undefined;
  private whenIdle: (() => void) | undefined;

  constructor(private readonly options: AppenderOptions) {
    this.lanes = Array.from({ length: options.flushesInFlight ?? 1 }, () => this.createLane());
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
    if (refusal !== undefined) return { kind: 'unavailable', reason: refusal, retryAfterSeconds };
    return new Promise((resolve, reject) => {
      this.heldBytes += check.request.bytes;
      this.queue.push({ ...check.request, resolve, reject });
      this.schedule();
    });
  }

  /** Takes nothing more, stores what waits, closes its connections. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.heldBytes > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    await Promise.all(this.lanes.map(async ({ connection }) => connection.close()));
  }

  private refusal(bytes: number): string | undefined {
    if (this.stopping) return 'the program is stopping';
    if (this.away !== undefined) return this.away;
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
      this.startFlushes();
    });
  }

  private startFlushes(): void {
    for (const lane of this.lanes) {
      if (this.queue.length === 0 || this.away !== undefined) return;
      if (!lane.busy) void this.flush(lane);
    }
  }

  private async flush(lane: Lane): Promise<void> {
    lane.busy = true;
    const { maxBatchEvents = 1000, maxBatchBytes = 1024 * 1024 } = this.options;
    const requests = this.queue.take({ events: maxBatchEvents, bytes: maxBatchBytes });
    try {
      this.settle(await lane.flusher.flush(requests), lane);
    } catch (error) {
      for (const request of requests) this.release(request).reject(error);
    }
    lane.busy = false;
    this.startFlushes();
  }

  private settle(report: FlushReport<WaitingRequest>, { connection }: Lane): void {
    this.queue.putBack(report.deferred);
    if (report.lost !== undefined) this.lose(connection, report.lost);
    for (const [request, answer] of report.answers) this.release(request).resolve(answer);
    for (const [request, error] of report.failures) this.release(request).reject(error);
    if (report.failures.size > 0) this.options.log?.('append.refused', { requests: report.failures.size });
    if (report.heads.size > 0) this.options.onAppended?.(report.heads);
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
  private lose(connection: AppendConnection, { reason, unreachable }: { reason: string; unreachable: boolean }): void {
    connection.drop();
    if (!unreachable || this.away !== undefined) return;
    this.away = `the database is away: ${reason}`;
    this.options.log?.('append.unavailable', { reason });
    for (const request of this.queue.takeAll()) {
      this.release(request).resolve({ kind: 'unavailable', reason: this.away, retryAfterSeconds });
    }
    void this.recover(connection);
  }

  private async recover(connection: AppendConnection): Promise<void> {
    for (let waitMs = firstRetryMs; !this.stopping; waitMs = Math.min(2 * waitMs, longestRetryMs)) {
      try {
        await connection.open();
        this.away = undefined;
        this.options.log?.('append.resumed', {});
        return;
      } catch {
        await pause(waitMs, undefined, { ref: false });
      }
    }
  }

  private createLane(): Lane {
    const { pool, timeoutMs = 5_000, now } = this.options;
    const connection = new AppendConnection({ pool, timeoutMs });
    const makeDay = async (day: Day) => ensureDays(pool, new Date(startOf(day).getTime() - 1), 3);
    return { connection, flusher: new Flusher({ connection, now, makeDay, retryAfterSeconds }), busy: false };
  }
}
