import type { HookEvent } from './sending/hook-event.js';
import { isAskedFor, retryKind, type WaitingLane } from './sending/lanes.js';
import { PlaceLists } from './sending/place-lists.js';
import type { Ordered, Standing } from './order/order-gate.js';
import type { StreamCursor } from './reading/owned-stream.js';
import type { Sender, WaitingRetry } from './sending/sender.js';

export interface DeliveryParts extends Pick<Delivery, 'sender' | 'cursor' | 'event' | 'attempt' | 'retry'> {
  /** It failed together with others, and goes by itself now. */
  isSeparated?: boolean;
}

/** One event to be sent to one subscription now. */
export class Delivery implements Ordered {
  /** It was found to be wanted and due; what was kept to wait for others is not asked again. */
  isChecked = false;
  /** The gate of its cursor has let it into a request. */
  isAdmitted = false;

  readonly sender: Sender;
  readonly cursor: StreamCursor;
  readonly event: HookEvent;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Undefined for a first try. */
  readonly retry: WaitingRetry | undefined;
  private readonly isSeparated: boolean;

  constructor({ sender, cursor, event, attempt, retry, isSeparated = false }: DeliveryParts) {
    this.sender = sender;
    this.cursor = cursor;
    this.event = event;
    this.attempt = attempt;
    this.retry = retry;
    this.isSeparated = isSeparated;
  }

  get seq(): number {
    return this.event.seq;
  }

  get key(): string | undefined {
    return this.event.stored.key;
  }

  get bytes(): number {
    return this.event.bytes;
  }

  get standing(): Standing {
    if (this.retry === undefined) return 'first';
    return holdsBack(this.retry.kind) ? 'retry' : 'aside';
  }

  /** Not worth delivering from then on, unix milliseconds; what is asked for again is worth it at any time. */
  get expiresAt(): number {
    return isAskedFor(this.retry?.kind) ? Number.POSITIVE_INFINITY : this.event.expiresAt;
  }

  get isReplay(): boolean {
    return this.retry?.kind === retryKind.replay;
  }

  /** It shares a request with no other event. */
  get isAlone(): boolean {
    const { retry } = this;
    if (retry === undefined) return this.isSeparated;
    return retry.kind === retryKind.alone || (isAskedFor(retry.kind) && retry.attempts > 0);
  }

  /** The attempt counts, and the event waits for the one before it to be tried again. */
  again(): Delivery {
    const { sender, cursor, event, attempt, retry } = this;
    const next = new Delivery({ sender, cursor, event, attempt: attempt + 1, retry, isSeparated: true });
    next.isChecked = true;
    return next;
  }
}

/** Whether later events of the same key wait for a delivery with such a row. */
export const holdsBack = (kind: number): boolean => kind === retryKind.retry || kind === retryKind.alone;

const byStream = (one: Delivery, other: Delivery): number => one.event.stored.streamId - other.event.stored.streamId;

/** Deliveries of one subscription that go in one request: one, or a batch of one topic and one lane. */
export class HookCall {
  readonly deliveries: Delivery[] = [];
  lane: 'first' | WaitingLane = 'first';
  /** Of the body, for a batch. */
  bytes = 0;
  /** Where it goes, whatever becomes of the subscription meanwhile. */
  readonly url: string;
  /** What the headers of a batch say of each event; undefined where a request holds one. */
  private readonly lists: PlaceLists | undefined;

  constructor(readonly sender: Sender) {
    this.url = sender.template.url;
    this.lists = sender.subscription.batch === null ? undefined : new PlaceLists();
  }

  get first(): Delivery | undefined {
    return this.deliveries[0];
  }

  /** Undefined while it is empty: every topic will do. */
  get topicId(): number | undefined {
    return this.first?.cursor.stream.ref.topicId;
  }

  /** False when the cursor is one of another topic. */
  mayHold(cursor: StreamCursor): boolean {
    return this.topicId === undefined || cursor.stream.ref.topicId === this.topicId;
  }

  /** Whether the headers can tell of it, too. */
  canTellOf({ event, seq, attempt }: Delivery): boolean {
    return this.lists?.hasRoomFor({ streamId: event.stored.streamId, seq }, attempt) ?? true;
  }

  add(delivery: Delivery, bytes: number): void {
    this.deliveries.push(delivery);
    this.bytes += bytes;
    this.lists?.add({ streamId: delivery.event.stored.streamId, seq: delivery.seq }, delivery.attempt);
  }

  /** Streams have no order to one another; together, the places of their events are told in a few characters. */
  groupByStream(): void {
    if (this.deliveries.length > 1) this.deliveries.sort(byStream);
  }
}
