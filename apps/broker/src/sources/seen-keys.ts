import { hash } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { knownKeys, rememberKeys, type SeenKey } from './seen-keys-store.js';

const maxBatch = 2_000;
/** While the database is away new keys wait; the log recognises these deliveries for two days anyway. */
const maxWaiting = 100_000;
const flushMs = 50;
const retryMs = 2_000;

interface Question extends SeenKey {
  answer: (isKnown: boolean) => void;
  fail: (error: unknown) => void;
}

/**
 * Recognises deliveries after the log no longer does. Questions are asked in batches: while one is on its way the next
 * one grows. A key is written after its event, so a crash in between costs memory of it, never an event.
 */
@Injectable()
export class SeenKeys implements OnApplicationShutdown {
  private questions: Question[] = [];
  private asking = false;
  private waiting: SeenKey[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** @throws the database's error when it is away */
  async isKnown(key: SeenKey): Promise<boolean> {
    return new Promise((answer, fail) => {
      this.questions.push({ ...key, answer, fail });
      if (this.asking) return;
      this.asking = true;
      // Requests that arrived together ask together.
      setImmediate(() => void this.ask());
    });
  }

  /** In the background. */
  remember(keys: readonly SeenKey[]): void {
    if (this.waiting.length > maxWaiting) return;
    this.waiting.push(...keys);
    this.writeIn(flushMs);
  }

  /** Writes what waits. */
  async runOnce(): Promise<{ written: number }> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const before = this.writing;
    const written = before.then(() => this.write());
    this.writing = written.then(
      () => {},
      () => {},
    );
    return { written: await written };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.runOnce().catch(() => {});
  }

  private writeIn(ms: number): void {
    this.timer ??= setTimeout(() => void this.runOnce().catch(() => this.writeIn(retryMs)), ms).unref();
  }

  private async ask(): Promise<void> {
    while (this.questions.length > 0) {
      const batch = this.questions.splice(0, maxBatch);
      try {
        const known = await knownKeys(this.pool, batch);
        for (const [index, { answer }] of batch.entries()) answer(known.has(index));
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    this.asking = false;
  }

  private async write(): Promise<number> {
    let written = 0;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, maxBatch);
      try {
        await rememberKeys(this.pool, batch, this.runtime.clock.now());
      } catch (error) {
        this.waiting.unshift(...batch);
        this.runtime.log.debug({ err: error }, 'source.keys-not-written');
        throw error;
      }
      written += batch.length;
    }
    return written;
  }
}

/** What a delivery is remembered by: half of the digest of its event's id. */
export function seenKey(sourceId: number, eventId: string): SeenKey {
  return { sourceId, hash: hash('sha256', eventId).slice(0, 32) };
}
