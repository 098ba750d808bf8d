import type { Filter } from '@hookcast/filter';
import type { DeliverySubscription } from './delivery-subscription.js';
import type { HookEvent } from './hook-event.js';
import type { HookTemplate } from './hook-request.js';
import type { CursorSender, StreamCursor } from './owned-stream.js';
import { RoundRobin, type Queued } from './round-robin.js';

/** What hooks at one origin share: a fate, and so a bound on the requests in flight. */
export interface Endpoint {
  readonly origin: string;
  inFlight: number;
  /** Senders that wait for the endpoint to have fewer requests in flight. */
  readonly waiting: RoundRobin<Sender>;
}

/** kind of a row in retries */
export const retryKind = { retry: 0, delayed: 1, redelivery: 2, replay: 3 } as const;

/** A delivery that waits for its next attempt and is in memory, because the time is near. */
export interface WaitingRetry extends Queued {
  readonly cursor: StreamCursor;
  readonly seq: number;
  /** Time of the event, unix milliseconds. */
  readonly eventAt: number;
  /** Attempts made so far. */
  readonly attempts: number;
  readonly kind: number;
  /** When the next attempt is due, unix milliseconds. */
  readonly at: number;
  /** Loaded shortly before it is sent. */
  event: HookEvent | undefined;
  /** Under way, or its result not committed yet. */
  isTaken: boolean;
  /** No longer wanted in memory; its row is found again when it can be sent. */
  isDropped: boolean;
}

/** One event to be sent to one subscription now. */
export interface Delivery {
  readonly sender: Sender;
  readonly cursor: StreamCursor;
  readonly event: HookEvent;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Undefined for a first try. */
  readonly retry: WaitingRetry | undefined;
}

/** What the control plane says about a subscription, prepared for sending. */
export interface SenderSettings {
  subscription: DeliverySubscription;
  template: HookTemplate;
  endpoint: Endpoint;
  /** Undefined lets every event through. */
  filter: Filter | undefined;
}

/** Everything this worker has to send for one subscription: first tries and retries, which take turns. */
export class Sender implements Queued, CursorSender {
  queued = false;
  inFlight = 0;
  /** The hook asked for quiet until then, unix milliseconds. */
  pausedUntil = 0;
  readonly subscriptionId: number;
  readonly cursors = new Set<StreamCursor>();
  /** Retries in memory, by `<stream>:<seq>`. */
  readonly retries = new Map<string, WaitingRetry>();
  readonly due = new RoundRobin<WaitingRetry>();
  readonly loaded = new RoundRobin<WaitingRetry>();
  /** There may be due rows in retries that are not in memory. */
  isSwept = false;
  isClosed = false;
  private readonly ready = new RoundRobin<StreamCursor>();
  private isRetryTurn = false;

  /** @param line of all senders that have something to send */
  constructor(
    public settings: SenderSettings,
    private readonly line: RoundRobin<Sender>,
  ) {
    this.subscriptionId = settings.subscription.id;
  }

  get subscription(): DeliverySubscription {
    return this.settings.subscription;
  }

  get template(): HookTemplate {
    return this.settings.template;
  }

  get endpoint(): Endpoint {
    return this.settings.endpoint;
  }

  get isActive(): boolean {
    return !this.isClosed && this.subscription.state === 'active';
  }

  /** Credit of a cursor that reads on its own: enough to fill the window twice. */
  get ownPageSize(): number {
    return Math.min(Math.max(2 * this.subscription.concurrency, 16), 128);
  }

  /** Most retries in memory. */
  get retryBound(): number {
    return Math.max(4 * this.subscription.concurrency, 64);
  }

  maySend(now: number): boolean {
    return this.isActive && this.inFlight < this.subscription.concurrency && now >= this.pausedUntil;
  }

  offer(cursor: StreamCursor): void {
    if (!this.isActive) return;
    this.ready.add(cursor);
    this.line.add(this);
  }

  take(): Delivery | undefined {
    this.isRetryTurn = !this.isRetryTurn;
    return this.isRetryTurn ? (this.takeRetry() ?? this.takeFirst()) : (this.takeFirst() ?? this.takeRetry());
  }

  private takeFirst(): Delivery | undefined {
    for (let cursor = this.ready.next(); cursor !== undefined; cursor = this.ready.next()) {
      if (cursor.isClosed || cursor.stream.isClosing) continue;
      const event = cursor.take();
      if (cursor.hasNext) this.ready.add(cursor);
      if (event !== undefined) return { sender: this, cursor, event, attempt: 1, retry: undefined };
    }
    return undefined;
  }

  private takeRetry(): Delivery | undefined {
    for (let retry = this.loaded.next(); retry !== undefined; retry = this.loaded.next()) {
      const { cursor, event } = retry;
      if (retry.isDropped || event === undefined || cursor.isClosed || cursor.stream.isClosing) continue;
      retry.isTaken = true;
      return { sender: this, cursor, event, attempt: retry.attempts + 1, retry };
    }
    return undefined;
  }

  /** Lets go of all retries in memory that are not under way: their rows stay. */
  dropRetries(): void {
    for (const [key, retry] of this.retries) {
      if (retry.isTaken) continue;
      retry.isDropped = true;
      this.retries.delete(key);
      this.isSwept = true;
    }
  }
}

export const retryKey = (streamId: number, seq: number): string => `${streamId}:${seq}`;
