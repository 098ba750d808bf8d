import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import {
  addMinutes,
  noteSecretUses,
  writeReceptions,
  type MinuteCount,
  type Reception,
  type SecretUse,
} from './source-records-store.js';

const flushMs = 500;
const minuteMs = 60_000;
/** Of each source and each half of the verdicts: what went well, and what did not. */
export const keptReceptions = 200;
/** Counts of minutes wait while the database is away; beyond, the oldest are lost. */
const maxWaitingCounts = 10_000;

const isTrouble = ({ verdict }: Reception): boolean => verdict === 'refused' || verdict === 'failed';

/** SQLSTATE class 22: data exceptions. */
const isAboutData = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('22');

/** Requests to a source since this process began. */
export type RequestTotal = Pick<MinuteCount, 'sourceId' | 'verdict' | 'reason' | 'requests'>;

/** What operators look at, written in batches and never on the way of an answer. */
@Injectable()
export class SourceRecorder implements OnApplicationBootstrap, OnApplicationShutdown {
  private receptions = new Map<string, Reception[]>();
  private minutes = new Map<string, MinuteCount>();
  private readonly requests = new Map<string, RequestTotal>();
  private uses = new Map<string, SecretUse>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  note(reception: Reception): void {
    this.count(reception);
    this.keep(reception);
  }

  private keep(reception: Reception): void {
    const key = `${reception.sourceId} ${isTrouble(reception)}`;
    const list = this.receptions.get(key) ?? [];
    list.push(reception);
    // More than is kept need not be written. Cut rarely, since each cut copies the list.
    if (list.length >= 2 * keptReceptions) list.splice(0, list.length - keptReceptions);
    this.receptions.set(key, list);
  }

  get totals(): readonly RequestTotal[] {
    return [...this.requests.values()];
  }

  noteSecretUse(use: SecretUse): void {
    this.uses.set(`${use.sourceId} ${use.secretId}`, use);
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), flushMs).unref();
  }

  /** Writes everything noted so far, and waits for what is being written. */
  async runOnce(): Promise<{ receptions: number }> {
    const flushed = this.flushing.then(() => this.flush());
    this.flushing = flushed.catch(() => {});
    return flushed;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop();
    await this.tick();
  }

  private count({ sourceId, at, verdict, reason, bytes }: Reception): void {
    this.addRequest({ sourceId, verdict, reason: reason ?? '', requests: 1 });
    const minute = new Date(Math.floor(at.getTime() / minuteMs) * minuteMs);
    const key = `${sourceId} ${minute.getTime()} ${verdict} ${reason ?? ''}`;
    const found = this.minutes.get(key);
    if (found) {
      found.requests += 1;
      found.bytes += bytes;
      return;
    }
    this.minutes.set(key, { sourceId, minute, verdict, reason: reason ?? '', requests: 1, bytes });
  }

  private addRequest(one: RequestTotal): void {
    const key = `${one.sourceId} ${one.verdict} ${one.reason}`;
    const found = this.requests.get(key);
    if (found) found.requests += 1;
    else this.requests.set(key, one);
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'source.records-not-written');
    }
  }

  private async flush(): Promise<{ receptions: number }> {
    const receptions = [...this.receptions.values()].flatMap((list) => list.slice(-keptReceptions));
    this.receptions = new Map();
    // Counts first: should anything fail, they are the part that cannot be had again.
    await this.flushMinutes().catch((error: unknown) => this.putBack(receptions, error));
    if (receptions.length > 0)
      await writeReceptions(this.pool, receptions, keptReceptions).catch((error: unknown) =>
        this.putBack(receptions, error),
      );
    const uses = [...this.uses.values()];
    this.uses = new Map();
    if (uses.length > 0) await noteSecretUses(this.pool, uses);
    return { receptions: receptions.length };
  }

  private async flushMinutes(): Promise<void> {
    const minutes = this.minutes;
    this.minutes = new Map();
    try {
      if (minutes.size > 0) await addMinutes(this.pool, [...minutes.values()]);
    } catch (error) {
      this.countAgain(minutes);
      throw error;
    }
  }

  /** Those of an outage are written after it. What cannot be stored as it is would hold up all others, and is dropped. */
  private putBack(receptions: readonly Reception[], error: unknown): never {
    if (!isAboutData(error)) {
      const since = [...this.receptions.values()].flat();
      this.receptions = new Map();
      for (const reception of [...receptions, ...since]) this.keep(reception);
    }
    throw error;
  }

  private countAgain(minutes: ReadonlyMap<string, MinuteCount>): void {
    for (const [key, count] of minutes) {
      const found = this.minutes.get(key);
      if (found) {
        found.requests += count.requests;
        found.bytes += count.bytes;
      } else if (this.minutes.size < maxWaitingCounts) this.minutes.set(key, count);
    }
  }
}
