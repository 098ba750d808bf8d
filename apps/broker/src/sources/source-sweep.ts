import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Source } from '@hookcast/database';
import type pg from 'pg';
import { Repository } from 'typeorm';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { forgetKeys, forgetOrphans } from './seen-keys-store.js';
import { forgetCaptures } from './source-captures-store.js';
import { forgetMinutes } from './source-records-store.js';
import { senderInfo } from './source-settings.js';

const sweepMs = 600_000;
const dayMs = 86_400_000;
const slice = 10_000;
/** Of one sweep and source, so that a sweep ends; the next one goes on. */
const maxSlices = 100;
const defaultDedupeDays = 7;

/** Forgets what is too old: delivery keys, counters and captures. */
@Injectable()
export class SourceSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    @InjectRepository(Source) private readonly sources: Repository<Source>,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), sweepMs).unref();
  }

  async runOnce(): Promise<{ keys: number }> {
    const now = this.runtime.clock.now().getTime();
    const dayAgo = new Date(now - dayMs);
    await forgetMinutes(this.pool, dayAgo);
    await forgetCaptures(this.pool, dayAgo);
    let keys = 0;
    for (const { id, sender } of await this.sources.find()) {
      const days = senderInfo(sender)?.dedupeDays ?? defaultDedupeDays;
      const before = new Date(now - days * dayMs);
      keys += await inSlices(async () => forgetKeys(this.pool, { id, before }, slice));
    }
    keys += await inSlices(async () => forgetOrphans(this.pool, slice));
    return { keys };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async tick(): Promise<void> {
    this.running = this.runOnce().catch((error: unknown) => {
      this.runtime.log.debug({ err: error }, 'source.sweep-failed');
    });
    await this.running;
  }
}

async function inSlices(forget: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let round = 0; round < maxSlices; round += 1) {
    const gone = await forget();
    total += gone;
    if (gone < slice) break;
  }
  return total;
}
