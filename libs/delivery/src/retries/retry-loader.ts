import type { LogReader } from '@hookcast/log';
import { errorText, type DeliveryLog } from '../delivery-log.js';
import { HookEvent } from '../sending/hook-event.js';
import type { BuriedEvent, RetryStore } from './retry-store.js';
import { isAskedFor, waitingLanes, type WaitingLane } from '../sending/lanes.js';
import { retryKey, type Sender, type WaitingRetry } from '../sending/sender.js';

export interface RetryLoaderOptions {
  log: Pick<LogReader, 'readAt'>;
  store: Pick<RetryStore, 'buried'>;
  lines: DeliveryLog;
  /** The event of the retry is in memory. */
  onLoaded(retry: WaitingRetry, sender: Sender): void;
  /** The log does not hold the event any more; `isBuried`: but a dead letter does. */
  onLost(retry: WaitingRetry, isBuried: boolean): void;
  /** There is nothing to load. */
  onIdle(): void;
}

/** Events loaded ahead for one lane of a subscription: memory is bounded by subscriptions, not by retries. */
const loadedAhead = 32;
const eventsPerRead = 256;

/** Reads the events of due retries just before they are sent, in turn for all subscriptions. */
export class RetryLoader {
  private readonly wanting = new Set<Sender>();
  private isLoading = false;

  constructor(private readonly options: RetryLoaderOptions) {}

  get isIdle(): boolean {
    return !this.isLoading;
  }

  /** The subscription has due retries, or sent some of those it had loaded. */
  want(sender: Sender): void {
    if (sender.due.size === 0) return;
    if (!waitingLanes.some((lane) => creditOf(sender, lane) > 0 && sender.due.sizeOf(lane) > 0)) return;
    this.wanting.add(sender);
    if (!this.isLoading) void this.run();
  }

  private async run(): Promise<void> {
    this.isLoading = true;
    try {
      for (;;) {
        // A turn of the event loop gathers what falls due together, and lets a read be worth its while.
        await new Promise((resolve) => setImmediate(resolve));
        const retries = this.nextOnes();
        if (retries.length === 0) return;
        if (!(await this.load(retries))) return;
      }
    } finally {
      this.isLoading = false;
      this.options.onIdle();
    }
  }

  private nextOnes(): LoadingRetry[] {
    const loading: LoadingRetry[] = [];
    for (const sender of this.wanting) {
      if (loading.length >= eventsPerRead) break;
      this.wanting.delete(sender);
      for (const lane of waitingLanes) loading.push(...nextOf(sender, lane));
    }
    return loading;
  }

  /** False when it failed: they are due again, and the poll asks for them. */
  private async load(loading: readonly LoadingRetry[]): Promise<boolean> {
    try {
      const events = await this.read(loading);
      for (const { retry, sender } of loading) this.loaded(retry, sender, events);
      return true;
    } catch (error) {
      for (const { retry, sender } of loading) sender.due.add(retry);
      this.options.lines.warn('delivery.retry-read-failed', { retries: loading.length, error: errorText(error) });
      return false;
    }
  }

  private loaded(retry: WaitingRetry, sender: Sender, found: LoadedEvents): void {
    if (retry.isDropped) return;
    const key = retryKey(retry.cursor.stream.streamId, retry.seq);
    const buried = found.buried.get(`${sender.subscriptionId}/${key}`);
    retry.event = found.inLog.get(key);
    if (retry.event === undefined && buried !== undefined) raise(retry, buried);
    if (!retry.event) return this.options.onLost(retry, buried !== undefined);
    this.options.onLoaded(retry, sender);
  }

  private async read(loading: readonly LoadingRetry[]): Promise<LoadedEvents> {
    const { log, store } = this.options;
    const keys = loading.map(({ retry: { cursor, seq, eventAt }, sender: { subscriptionId } }) => ({
      streamId: cursor.stream.streamId,
      subscriptionId,
      seq,
      createdAt: new Date(eventAt),
    }));
    const inLog = new Map(
      (await log.readAt(keys)).map((stored) => [retryKey(stored.streamId, stored.seq), new HookEvent(stored)]),
    );
    const missing = keys.filter(({ streamId, seq }) => !inLog.has(retryKey(streamId, seq)));
    const buried = missing.length === 0 ? [] : await store.buried(missing);
    return {
      inLog,
      buried: new Map(
        buried.map((one) => [`${one.subscriptionId}/${retryKey(one.event.streamId, one.event.seq)}`, one] as const),
      ),
    };
  }
}

interface LoadedEvents {
  inLog: ReadonlyMap<string, HookEvent>;
  /** By subscription too: each has dead letters of its own. */
  buried: ReadonlyMap<string, BuriedEvent>;
}

interface LoadingRetry {
  retry: WaitingRetry;
  sender: Sender;
}

/**
 * Whoever asks for a dead letter again gets it, even when its day has gone. A delayed event whose day has gone while it
 * waited here has become one that is asked for: its row says so.
 */
function raise(retry: WaitingRetry, { event, kind = retry.kind }: BuriedEvent): void {
  if (!isAskedFor(kind)) return;
  retry.kind = kind;
  retry.event = new HookEvent(event);
}

/** Each lane has its own, so that one with many due does not keep the other from being loaded. */
function creditOf(sender: Sender, lane: WaitingLane): number {
  const ahead = aheadOf(sender);
  if (lane === 'retry') return ahead - sender.loaded.sizeOf(lane);
  // What is paced goes one by one: half of it makes a read worth its while.
  const credit = ahead - sender.loaded.sizeOf(lane) - sender.held;
  return credit >= ahead / 2 ? credit : 0;
}

function aheadOf({ subscription: { concurrency, batch } }: Sender): number {
  return batch === null ? Math.min(concurrency, loadedAhead) : Math.min(batch.maxEvents, eventsPerRead);
}

function nextOf(sender: Sender, lane: WaitingLane): LoadingRetry[] {
  const loading: LoadingRetry[] = [];
  for (let credit = creditOf(sender, lane); credit > 0; credit -= 1) {
    const retry = sender.due.next(lane);
    if (!retry) break;
    if (!retry.isDropped) loading.push({ retry, sender });
  }
  return loading;
}
