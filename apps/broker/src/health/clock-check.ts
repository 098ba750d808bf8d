import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { readDatabaseTime } from './database-clock-store.js';

const checkMs = 30_000;

/**
 * Compares this process's clock with the database's. Signatures carry the process's time, and receivers refuse one that
 * is minutes off: better that the operator hears of it before every hook does.
 */
@Injectable()
export class ClockCheck implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private lastSkewMs: number | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'clock' | 'config' | 'log'>,
  ) {}

  /** Milliseconds by which this process is ahead of the database, as far as it is proven (`provenSkewMs`); undefined until known. */
  get skewMs(): number | undefined {
    return this.lastSkewMs;
  }

  get isSkewed(): boolean {
    return Math.abs(this.lastSkewMs ?? 0) > this.runtime.config.maxClockSkewMs;
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), checkMs).unref();
    void this.tick();
  }

  async runOnce(): Promise<{ skewMs: number }> {
    const before = this.runtime.clock.now().getTime();
    const there = await readDatabaseTime(this.pool);
    const after = this.runtime.clock.now().getTime();
    const skewMs = provenSkewMs({ before, there: there.getTime(), after });
    const wasSkewed = this.isSkewed;
    this.lastSkewMs = skewMs;
    if (this.isSkewed) this.runtime.log.warn({ skewMs, limitMs: this.runtime.config.maxClockSkewMs }, 'clock.skewed');
    else if (wasSkewed) this.runtime.log.info({ skewMs }, 'clock.agrees-again');
    return { skewMs };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      // The database is away: readiness tells of that by itself.
      this.runtime.log.debug({ err: error }, 'clock.check-failed');
    }
  }
}

/**
 * The database told `there` between `before` and `after`, so the skew is between the two differences. What is nearest to
 * none counts: an answer that was long under way, or read late by a busy process, is no sign of a wrong clock.
 */
export function provenSkewMs({ before, there, after }: Record<'before' | 'there' | 'after', number>): number {
  if (there < before) return before - there;
  return there > after ? after - there : 0;
}
