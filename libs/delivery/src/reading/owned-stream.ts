import type { StreamRef } from '@hookcast/log';
import type { Delivery } from '../delivery.js';
import { Feed, pageEvents, type Follower } from './feed.js';
import type { Park } from '../flow/park.js';
import type { HookEvent } from '../sending/hook-event.js';
import { OrderGate, type Ordering } from '../order/order-gate.js';
import type { Queued } from '../sending/round-robin.js';
import { SettledRanges } from './settled-ranges.js';

const nothingGone = { from: Number.POSITIVE_INFINITY, upTo: 0 };

/** Requests with events of one stream, under one ownership, that have not ended. */
export class StreamRequests {
  inFlight = 0;

  /** @param before of an ownership that was lost: their results count no longer, but no other worker is to send beside them */
  constructor(private readonly before?: StreamRequests) {}

  get areUnderWay(): boolean {
    return this.inFlight > 0 || this.areLeftOver;
  }

  /** Some are of an ownership before. */
  get areLeftOver(): boolean {
    return this.before?.areUnderWay ?? false;
  }
}

/** A stream this worker owns, with the cursors of the subscriptions that read it. */
export class OwnedStream {
  readonly streamId: number;
  head = 0;
  /** About to be given away, or lost: nothing new is sent from it. */
  isClosing = false;
  readonly requests: StreamRequests;
  readonly cursors = new Map<number, StreamCursor>();
  /** Subscriptions whose cursor has ended and begins again, with a row that nobody has begun to read yet. */
  readonly awaited = new Set<number>();
  readonly tail: Feed<StreamCursor>;
  /** Behind `from` there was nothing to be read up to `upTo`, since the events went with their day. */
  private gone = nothingGone;

  /**
   * @param epoch of this ownership; every write about the stream carries it
   * @param leftOver of this worker's ownership before
   */
  constructor(
    readonly ref: StreamRef,
    readonly epoch: number,
    leftOver?: StreamRequests,
  ) {
    this.streamId = ref.streamId;
    this.requests = new StreamRequests(leftOver);
    this.tail = new Feed(this, { seq: 0, at: Number.NEGATIVE_INFINITY }, pageEvents);
  }

  /** Whether there may be events behind a position. */
  hasBehind(seq: number): boolean {
    return this.head > seq && (seq < this.gone.from || this.head > this.gone.upTo);
  }

  /** A read behind `from`, with the head at `upTo` before it began, found nothing: it need not be tried again. */
  foundNothing(from: number, upTo: number): void {
    const { gone } = this;
    this.gone = { from: upTo === gone.upTo ? Math.min(from, gone.from) : from, upTo };
  }

  /**
   * The head is at `seq`, as the log says. A hint may have named a higher one, which nobody will ever read up to.
   *
   * @param assumed the head when the log was asked; what was heard of meanwhile may be newer than the answer
   */
  confirmHead(seq: number, assumed: number): void {
    if (this.head !== assumed || seq >= assumed) return;
    this.head = seq;
    this.gone = nothingGone;
  }

  /** Lets a cursor read on: from the shared tail when its place lies in there, else from a feed of its own. */
  follow(cursor: StreamCursor): Feed<StreamCursor> {
    this.unfollow(cursor);
    const { tail } = this;
    if (tail.followers.size === 0) tail.restart(cursor.place);
    const ordinal = tail.buffer.ordinalAfter(cursor.place.seq);
    const feed = ordinal === undefined ? new Feed<StreamCursor>(this, cursor.place, cursor.ownPageSize) : tail;
    cursor.ordinal = ordinal ?? 0;
    cursor.feed = feed;
    feed.followers.add(cursor);
    // Others may leave, and what lies between them and this one with them.
    feed.advanced(cursor.ordinal);
    return feed;
  }

  /** Takes a cursor off the shared feed, to read from a feed of its own. */
  separate(cursor: StreamCursor): void {
    this.unfollow(cursor);
    cursor.ordinal = 0;
    cursor.feed = new Feed<StreamCursor>(this, cursor.place, cursor.ownPageSize);
    cursor.feed.followers.add(cursor);
  }

  unfollow(cursor: StreamCursor): void {
    cursor.feed?.followers.delete(cursor);
    cursor.feed = undefined;
  }

  /** Results that are neither in the database nor under way any more would be lost by giving the stream away now. */
  get isQuiet(): boolean {
    return !this.requests.areUnderWay && this.busyCursors.length === 0;
  }

  /** Those with requests under way, or with results that are not in the database yet. */
  get busyCursors(): StreamCursor[] {
    return [...this.cursors.values()].filter(({ isBusy }) => isBusy);
  }
}

/** What a cursor reports to: the sender of its subscription. */
export interface CursorSender {
  readonly subscriptionId: number;
  readonly ownPageSize: number;
  readonly ordering: Ordering;
  /** There are events to take. */
  offer(cursor: StreamCursor): void;
}

/** The row of a cursor as it was when this worker took it over. */
export interface CursorState {
  settledSeq: number;
  /** Unix milliseconds, -Infinity for a stream without events. */
  settledAt: number;
  /** Text of an int8multirange. */
  above: string;
  /** Up to here lies the backlog that the last resume found; 0 for none. */
  drainSeq: number;
  /** Nothing is sent before it ends. */
  park: Park | undefined;
  /** How often it was moved by hand; what is known from before a move is not written any more. */
  moves: number;
  /** Number of the last settle that was written. */
  settleNo: number;
}

/** What became of deliveries. The row of a cursor counts them since the subscription exists, and the log counts there too. */
export interface CursorCounts {
  delivered: number;
  dead: number;
  dropped: number;
  expired: number;
  /** Kept back by the filter. */
  filtered: number;
  /** How many of the others were of positions that had been counted before: what was asked for again. */
  repeated: number;
}

const noCounts = (): CursorCounts => ({ delivered: 0, dead: 0, dropped: 0, expired: 0, filtered: 0, repeated: 0 });

/** How far one subscription has come in one owned stream: what it took to send, and what is settled. */
export class StreamCursor implements Queued, Follower {
  queued = false;
  ordinal = 0;
  feed: Feed<StreamCursor> | undefined;
  /** Its subscription is gone or its stream lost: results count no longer. */
  isClosed = false;
  /** Its deliveries that are in a request now. */
  inFlight = 0;
  /** Its stream is being given away, and it was the one to wait for: it sends nothing new meanwhile. */
  isHeldUp = false;
  /** The cursor that took its place while some of its requests were under way. */
  private heir: StreamCursor | undefined;
  /** Settle batches that hold results of it and are not committed yet. */
  openBatches = 0;
  readonly settled: SettledRanges;
  /** Whatever is sent asks it first. */
  order: OrderGate<Delivery>;
  private counts = noCounts();
  park: Park | undefined;
  drainSeq: number;
  readonly moves: number;
  /** Number of the last settle that was begun. */
  settleNo: number;
  /** While its endpoint is down, new events are taken before those that were given back or wait for their turn. */
  prefersFresh = false;
  /** Given back when the endpoint went down: at most as many as were under way then, and those of some probes since. */
  private readonly returned: HookEvent[] = [];
  private takenSeq: number;
  private takenAt: number;
  /** Up to here some events were settled before this worker took over. */
  private readonly settledBefore: number;

  constructor(
    readonly stream: OwnedStream,
    readonly sender: CursorSender,
    state: CursorState,
  ) {
    this.order = this.gate();
    this.settled = SettledRanges.parse(state.settledSeq, state.settledAt, state.above);
    this.settledBefore = this.settled.highest;
    this.takenSeq = this.settled.low;
    this.takenAt = this.settled.lowAt;
    this.park = state.park;
    this.drainSeq = state.drainSeq;
    this.moves = state.moves;
    this.settleNo = state.settleNo;
  }

  /** Behind this position the next event is taken. */
  get place(): { seq: number; at: number } {
    return { seq: this.takenSeq, at: this.takenAt };
  }

  get ownPageSize(): number {
    return this.sender.ownPageSize;
  }

  /** Its deliveries may be sent now, as far as its stream is concerned. */
  get maySend(): boolean {
    return !this.isClosed && !this.isHeldUp && !this.stream.isClosing;
  }

  get isBusy(): boolean {
    return this.inFlight > 0 || this.openBatches > 0;
  }

  /** Names it among the cursors of a statement. */
  get key(): string {
    return `${this.stream.streamId}/${this.sender.subscriptionId}`;
  }

  /** For the next settle. */
  count(what: keyof CursorCounts): void {
    this.counts[what] += 1;
  }

  /** Counted since the last settle. */
  takeCounts(): CursorCounts {
    const { counts } = this;
    this.counts = noCounts();
    return counts;
  }

  /** The subscription asks for another order: what waits asks again under the new one. */
  reorder(): void {
    const { order } = this;
    if (order.ordering === this.sender.ordering) return;
    this.order = this.gate();
    this.order.enter(order.leave());
  }

  /** Begins again where one of this worker ended whose requests are still under way: of their lines nothing goes before. */
  succeed(before: StreamCursor): void {
    before.heir = this;
    this.order.succeed(before.order);
  }

  /** A request has ended that was under way when this cursor did. */
  released(delivery: Delivery, request: object): void {
    this.order.released(delivery, request);
    this.heir?.released(delivery, request);
  }

  private gate(): OrderGate<Delivery> {
    return new OrderGate<Delivery>(this.sender.ordering, () => this.sender.offer(this));
  }

  eventsArrived(): void {
    this.sender.offer(this);
  }

  get hasNext(): boolean {
    return this.returned.length > 0 || this.hasNew;
  }

  /** The request may take something, now or as soon as others have ended. */
  isReadyFor(request: object): boolean {
    return this.order.hasReady || (this.hasNext && this.order.hasRoom(request));
  }

  /** There is an event in memory that was not taken yet. */
  get hasNew(): boolean {
    return this.feed?.buffer.at(this.ordinal) !== undefined;
  }

  /** Events in memory that were given back. */
  get givenBack(): number {
    return this.returned.length;
  }

  /** An event that was taken is to be taken again, before any other. */
  giveBack(event: HookEvent): void {
    this.returned.push(event);
    this.sender.offer(this);
  }

  /** The next event to be sent, if one is in memory. */
  take(): HookEvent | undefined {
    return this.returned.shift() ?? this.takeNew();
  }

  /** The next event that was never taken. */
  takeNew(): HookEvent | undefined {
    const { feed } = this;
    if (!feed) return undefined;
    for (;;) {
      const event = feed.buffer.at(this.ordinal);
      if (event === undefined) return undefined;
      this.ordinal += 1;
      feed.advanced(this.ordinal);
      // Positions are dense; what is missing went with its day, which the log has counted as expired.
      if (event.seq > this.takenSeq + 1) this.settled.addRange(this.takenSeq + 1, event.seq - 1, event.at);
      this.takenSeq = event.seq;
      this.takenAt = event.at;
      if (event.seq > this.settledBefore || !this.settled.has(event.seq)) return event;
    }
  }
}
