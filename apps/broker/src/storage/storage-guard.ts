import { statfs } from 'node:fs/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type pg from 'pg';
import { Problem } from '../http/problem.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { headroom, judgeStorage, type StorageLimits, type StorageSample, type StorageState } from './storage-limits.js';
import { databaseSize } from './storage-store.js';

const sampleMs = 5_000;
/** A publisher that comes back sooner finds nothing changed: space comes from days that go or disks that grow. */
const retryAfterSeconds = 30;
/** Bytes on disk for one byte of data, with row, indexes and what delivering it writes: generous. */
const diskPerByte = 3;
const rowBytes = 300;

export interface StorageStatus {
  state: StorageState;
  sample: StorageSample | undefined;
  limits: StorageLimits;
}

/**
 * Refuses publishes before the database or its disk is full: a Postgres without space cannot settle deliveries
 * either, and may not even start again. The publish path reads one field.
 */
@Injectable()
export class StorageGuard implements OnApplicationBootstrap, OnModuleDestroy {
  private state: StorageState = { kind: 'open' };
  private sample: StorageSample | undefined;
  private readonly limits: StorageLimits;
  private readonly dataDir: string | undefined;
  private addedBytes = 0;
  private sampling: Promise<unknown> | undefined;
  private reportedFullUntil = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {
    const { databaseUrl, dataDir, maxDatabaseBytes, minFreeBytes } = runtime.config;
    this.limits = { maxDatabaseBytes, minFreeBytes };
    this.dataDir = databaseUrl === undefined ? dataDir : undefined;
  }

  get status(): StorageStatus {
    return { state: this.state, sample: this.sample, limits: this.limits };
  }

  /** @throws Problem storage-full */
  admit(): void {
    if (this.state.kind === 'open') return;
    throw storageFull();
  }

  /** Events were stored: a burst must not wait for the next sample to be noticed. */
  added(events: readonly { data?: Uint8Array | undefined }[]): void {
    for (const { data } of events) this.addedBytes += diskPerByte * (data?.length ?? 0) + rowBytes;
    if (this.sample && this.addedBytes > headroom(this.sample, this.limits) / 2) void this.tick();
  }

  /** Postgres itself has found no space (53100), whatever was measured. */
  reportFull(): void {
    this.reportedFullUntil = this.runtime.clock.now().getTime() + retryAfterSeconds * 1000;
    this.become({ kind: 'full', reason: 'the database server has no space left' });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.tick();
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), sampleMs).unref();
  }

  async runOnce(): Promise<{ databaseBytes: number; freeBytes: number | undefined }> {
    const before = this.sample;
    this.addedBytes = 0;
    const [databaseBytes, freeBytes] = await Promise.all([databaseSize(this.pool), this.freeBytes()]);
    this.sample = { databaseBytes, freeBytes };
    const growthBytes = databaseBytes - (before?.databaseBytes ?? databaseBytes);
    if (this.runtime.clock.now().getTime() >= this.reportedFullUntil) {
      this.become(judgeStorage(this.state, this.sample, { limits: this.limits, growthBytes }));
    }
    return this.sample;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private become(next: StorageState): void {
    const { log } = this.runtime;
    if (next.kind === 'full' && this.state.kind === 'open') log.error({ reason: next.reason }, 'publishing.refused');
    if (next.kind === 'open' && this.state.kind === 'full') log.info({ ...this.sample }, 'publishing.resumed');
    this.state = next;
  }

  private async freeBytes(): Promise<number | undefined> {
    if (this.dataDir === undefined) return undefined;
    const { bavail, bsize } = await statfs(this.dataDir);
    return bavail * bsize;
  }

  /** One at a time. While the database is away nothing can be stored, so the last verdict may stand. */
  private async tick(): Promise<void> {
    this.sampling ??= this.runOnce()
      .catch((error: unknown) => this.runtime.log.debug({ err: error }, 'storage.sample-failed'))
      .finally(() => (this.sampling = undefined));
    await this.sampling;
  }
}

/** Which limit was reached is the operator's to know: senders and tenants are told only that it was. */
function storageFull(): Problem {
  return new Problem('storage-full', {
    detail: 'Nothing was stored: the bus has no room for more events.',
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}
