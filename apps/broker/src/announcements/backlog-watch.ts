import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { backlogs } from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { backlogIsHigh, backlogIsLow, watchedSubscriptions } from './announcement-store.js';

const roundMs = 10_000;

/** Tells of a backlog once when it grows beyond the limit, and not again before it was down to half. */
@Injectable()
export class BacklogWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    if (this.runtime.config.backlogHighEvents === 0) return;
    this.timer = setInterval(() => void this.tick(), roundMs).unref();
  }

  async runOnce(): Promise<{ high: number; low: number }> {
    const limit = this.runtime.config.backlogHighEvents;
    const watched = await watchedSubscriptions(this.pool);
    const waiting = await backlogs(
      this.pool,
      watched.map(({ id }) => id),
    );
    const counts = { high: 0, low: 0 };
    for (const { id, isHigh } of watched) {
      const backlog = waiting.get(id)?.backlog ?? 0;
      if (!isHigh && backlog >= limit) {
        await backlogIsHigh(this.pool, { id, backlog, limit, now: this.runtime.clock.now() });
        counts.high += 1;
      } else if (isHigh && backlog <= limit / 2) {
        await backlogIsLow(this.pool, id);
        counts.low += 1;
      }
    }
    return counts;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async tick(): Promise<void> {
    this.running ??= this.runOnce()
      .catch((error: unknown) => this.runtime.log.debug({ err: error }, 'announcements.watch-failed'))
      .finally(() => (this.running = undefined));
    await this.running;
  }
}
