import { readControlVersion } from '@hookcast/database';
import { LogReader } from '@hookcast/log';
import type pg from 'pg';
import { adoptCursors, type StoredCursor } from './reading/cursor-store.js';
import { OwnershipStore } from './ownership/ownership-store.js';
import type { TimelineStore } from './ownership/timeline.js';
import { readTimeline } from './ownership/timeline-store.js';
import { leaseTokens, type TokenRequest } from './flow/rate-store.js';
import { RetryStore } from './retries/retry-store.js';
import type { SettleBatch } from './settling/settle-batch.js';
import { noteSlowed, type SlowedOperation } from './operations/slowed-operation-store.js';
import { settle, type SettleOptions } from './settling/settle-store.js';
import type { MinuteStats } from './history/stats.js';
import { hearWords, sayWords } from './flow/worker-words-store.js';
import type { WorkerWords } from './flow/worker-words.js';
import { noteFirstAnswer } from './history/first-answer-store.js';
import { failingSince, writeStats } from './history/stats-store.js';
import { suspendSubscription, type Suspension } from './history/subscription-state-store.js';

/** All that the worker asks of the database. Whatever stands in for one has to keep the promises of the stores' docs. */
export interface DeliveryStores {
  readonly ownership: Pick<
    OwnershipStore,
    'beat' | 'workers' | 'owned' | 'someAreFree' | 'claim' | 'release' | 'leave'
  >;
  readonly timeline: TimelineStore;
  readonly log: Pick<LogReader, 'read' | 'readAt' | 'heads'>;
  readonly retries: Pick<RetryStore, 'due' | 'sweep' | 'buried' | 'failing' | 'operations'>;
  settle(batch: SettleBatch, options: SettleOptions): Promise<Set<string>>;
  adoptCursors(owned: ReadonlyMap<number, number>, subscriptionIds?: readonly number[]): Promise<StoredCursor[]>;
  controlVersion(): Promise<number>;
  leaseTokens(request: TokenRequest): Promise<{ tokens: number; waitMs: number }>;
  suspend(suspension: Suspension): Promise<boolean>;
  noteFirstAnswer(heard: { id: number; url: string }): Promise<void>;
  writeStats(workerId: string, minutes: readonly MinuteStats[]): Promise<void>;
  failingSince(subscriptionId: number, options: { withDead: boolean }): Promise<number | undefined>;
  say(workerId: string, words: WorkerWords): Promise<boolean>;
  /** What other workers said last, worker → words. */
  hear(workerId: string): Promise<ReadonlyMap<string, WorkerWords>>;
  noteSlowed(slowed: SlowedOperation): Promise<void>;
}

export function databaseStores(pool: pg.Pool): DeliveryStores {
  return {
    ownership: new OwnershipStore(pool),
    timeline: {
      read: async () => readTimeline(pool),
      onDoubt: (doubt) => void pool.on('connect', doubt).on('remove', doubt),
    },
    log: new LogReader(pool),
    retries: new RetryStore(pool),
    settle: async (batch, options) => settle(pool, batch, options),
    adoptCursors: async (...wanted) => adoptCursors(pool, ...wanted),
    controlVersion: async () => readControlVersion(pool),
    leaseTokens: async (request) => leaseTokens(pool, request),
    suspend: async (suspension) => suspendSubscription(pool, suspension),
    noteFirstAnswer: async (heard) => noteFirstAnswer(pool, heard),
    writeStats: async (workerId, minutes) => writeStats(pool, workerId, minutes),
    failingSince: async (...asked) => failingSince(pool, ...asked),
    say: async (...words) => sayWords(pool, ...words),
    hear: async (workerId) => hearWords(pool, workerId),
    noteSlowed: async (slowed) => noteSlowed(pool, slowed),
  };
}
