import { readControlVersion } from '@hookcast/database';
import { LogReader } from '@hookcast/log';
import type pg from 'pg';
import { adoptCursors, type StoredCursor } from './cursor-store.js';
import { OwnershipStore } from './ownership-store.js';
import { leaseTokens, type TokenRequest } from './rate-store.js';
import { RetryStore } from './retry-store.js';
import type { SettleBatch } from './settle-batch.js';
import { settle, type SettleOptions } from './settle-store.js';
import type { MinuteStats } from './stats.js';
import { writeStats } from './stats-store.js';
import { suspendSubscription } from './subscription-state-store.js';

/** All that the worker asks of the database. Whatever stands in for one has to keep the promises of the stores' docs. */
export interface DeliveryStores {
  readonly ownership: Pick<
    OwnershipStore,
    'beat' | 'workers' | 'owned' | 'someAreFree' | 'claim' | 'release' | 'leave'
  >;
  readonly log: Pick<LogReader, 'read' | 'readAt' | 'heads'>;
  readonly retries: Pick<RetryStore, 'due' | 'sweep' | 'buried' | 'failing' | 'cancelledOperations'>;
  settle(batch: SettleBatch, options: SettleOptions): Promise<Set<string>>;
  adoptCursors(owned: ReadonlyMap<number, number>): Promise<StoredCursor[]>;
  controlVersion(): Promise<number>;
  leaseTokens(request: TokenRequest): Promise<{ tokens: number; waitMs: number }>;
  suspend(suspension: { id: number; reason: string; now: Date }): Promise<boolean>;
  writeStats(workerId: string, minutes: readonly MinuteStats[]): Promise<void>;
}

export function databaseStores(pool: pg.Pool): DeliveryStores {
  return {
    ownership: new OwnershipStore(pool),
    log: new LogReader(pool),
    retries: new RetryStore(pool),
    settle: async (batch, options) => settle(pool, batch, options),
    adoptCursors: async (owned) => adoptCursors(pool, owned),
    controlVersion: async () => readControlVersion(pool),
    leaseTokens: async (request) => leaseTokens(pool, request),
    suspend: async (suspension) => suspendSubscription(pool, suspension),
    writeStats: async (workerId, minutes) => writeStats(pool, workerId, minutes),
  };
}
