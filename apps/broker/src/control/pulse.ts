import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { readSigns, type Signs } from './pulse-store.js';

const beatMs = 1_000;

/**
 * Looks once a second, with one statement, whether there is anything to do for those that listen. With a loop and a
 * statement of its own for each of them an idle broker would spend most of its time on finding nothing.
 */
@Injectable()
export class Pulse implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly listeners = new Set<(signs: Signs) => void>();
  private timer: NodeJS.Timeout | undefined;
  private isRunning = false;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** @returns ends it */
  listen(listener: (signs: Signs) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.isRunning = true;
    this.schedule();
  }

  async runOnce(): Promise<Signs> {
    const signs = await readSigns(this.pool, this.runtime.clock.now());
    for (const listener of this.listeners) listener(signs);
    return signs;
  }

  stop(): void {
    this.isRunning = false;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (!this.isRunning) return;
    this.timer = setTimeout(() => void this.tick(), beatMs).unref();
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      // While the database is away there is nothing to be found either; the next tick tries again.
      this.runtime.log.debug({ err: error }, 'control.pulse-failed');
    }
    this.schedule();
  }
}
