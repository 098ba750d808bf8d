import type { Filter } from '@hookcast/filter';
import { Delivery, type HookCall } from '../delivery.js';
import type { DeliverySubscription } from '../delivery-subscription.js';
import { Flow } from '../flow/flow.js';
import type { HookEvent } from './hook-event.js';
import type { HookTemplate } from './hook-request.js';
import { LaneLines, type WaitingLane } from './lanes.js';
import type { CursorSender, StreamCursor } from '../reading/owned-stream.js';
import type { Moment } from '../timing/clock.js';
import { RoundRobin, type Queued } from './round-robin.js';

/** What hooks at one origin share: a fate, and so a bound on the requests in flight. */
export interface Endpoint {
  readonly origin: string;
  inFlight: number;
  /** Senders that wait for the endpoint to have fewer requests in flight. */
  readonly waiting: RoundRobin<Sender>;
}

/** A delivery that waits for its next attempt and is in memory, because the time is near. */
export interface WaitingRetry extends Queued {
  readonly cursor: StreamCursor;
  readonly seq: number;
  /** Time of the event, unix milliseconds. */
  readonly eventAt: number;
  /** Attempts made so far. */
  readonly attempts: number;
  /** May change until it is loaded, not while it stands in a lane. */
  kind: number;
  /** When the next attempt is due, unix milliseconds. */
  readonly at: number;
  /** The operation it is repeated for, if any. */
  readonly operationId: string | null;
  /** Its position was counted before: what comes of it is counted as repeated. */
  readonly isRepeat: boolean;
  /** Loaded shortly before it is sent. */
  event: HookEvent | undefined;
  /** Under way, or its result not committed yet. */
  isTaken: boolean;
  /** No longer wanted in memory; its row is found again when it can be sent. */
  isDropped: boolean;
}

/** What the control plane says about a subscription, prepared for sending. */
export interface SenderSettings {
  subscription: DeliverySubscription;
  template: HookTemplate;
  endpoint: Endpoint;
  /** Undefined lets every event through. */
  filter: Filter | undefined;
}

/** Turns that first tries have, and retries as many, until what was asked for again has one. */
const turnsBeforeReplay = 9;
/** First tries and retries take turns. What was asked for again gives way to them, and is never kept waiting for good. */
const turns: readonly HookCall['lane'][] = [
  ...Array.from({ length: turnsBeforeReplay }, () => ['first', 'retry'] as const).flat(),
  'replay',
];

/** Everything this worker has to send for one subscription, in lanes which take turns. */
export class Sender implements Queued, CursorSender {
  queued = false;
  inFlight = 0;
  /** Whether it may send now. */
  readonly flow: Flow;
  readonly subscriptionId: number;
  readonly cursors = new Set<StreamCursor>();
  /** Stream → the cursor that has ended there, while requests of its lines are under way. */
  private readonly former = new Map<number, StreamCursor>();
  /** Retries in memory, by `<stream>:<seq>`. */
  readonly retries = new Map<string, WaitingRetry>();
  /** Their time has come. */
  readonly due = new LaneLines<WaitingRetry>();
  /** Of operations, whose events are in memory and that wait for their turn of its rate. */
  held = 0;
  /** Their events are in memory. */
  readonly loaded = new LaneLines<WaitingRetry>();
  /** There may be due rows in retries that are not in memory. */
  isSwept = false;
  isClosed = false;
  /** What it sent last for the first time had waited for long: it has a backlog. */
  isBehind = false;
  /** The URL that has answered, which the control plane may not know yet. */
  private heardUrl: string | undefined;
  private readonly ready = new RoundRobin<StreamCursor>();
  /** Taken for a request that was full: the next ones of their lanes. */
  private readonly carried = new Map<HookCall['lane'], Delivery>();
  private turn = 0;
  /** While its endpoint is down, first tries have every turn. */
  prefersFirstTries = false;

  /** @param line of all senders that have something to send */
  constructor(
    private current: SenderSettings,
    private readonly line: RoundRobin<Sender>,
  ) {
    this.subscriptionId = current.subscription.id;
    this.flow = new Flow(current.subscription);
    this.weighRate();
  }

  get settings(): SenderSettings {
    return this.current;
  }

  /** The control plane says something else about the subscription. */
  apply(settings: SenderSettings): void {
    if (settings.template.url !== this.template.url) this.heardUrl = undefined;
    this.current = settings;
    this.flow.adjust(settings.subscription);
    this.weighRate();
  }

  /** The lowest of the rates that hold now; that of a resume holds until the backlog it found is drained. */
  weighRate(): void {
    const { rateLimit = null, drainRate = null } = this.subscription;
    const rates = [rateLimit, drainRate !== null && this.isDraining ? drainRate : null].filter((rate) => rate !== null);
    const rate = rates.length === 0 ? null : Math.min(...rates);
    if (rate === this.flow.rate) return;
    this.flow.rate = rate;
    // What it waits for may come sooner now.
    this.line.add(this);
  }

  private get isDraining(): boolean {
    // By what was taken: the mark of what is settled stands still while one key holds back its events.
    for (const { place, drainSeq } of this.cursors) if (place.seq < drainSeq) return true;
    return false;
  }

  /** Other workers have requests under way for it, each so many. */
  shareWith(others: readonly number[]): void {
    this.flow.shareWith(others);
    this.line.add(this);
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

  /** Nothing was ever heard from its URL. */
  get isUnheard(): boolean {
    return this.subscription.neverAnswered === true && this.heardUrl !== this.template.url;
  }

  /** Its URL has answered. */
  heard(): void {
    this.heardUrl = this.template.url;
  }

  get isActive(): boolean {
    return !this.isClosed && this.subscription.state === 'active';
  }

  /** Credit of a cursor that reads on its own: enough to fill the window twice. */
  get ownPageSize(): number {
    return Math.min(Math.max(2 * this.subscription.concurrency, 16), 128);
  }

  get ordering(): DeliverySubscription['ordering'] {
    return this.subscription.ordering;
  }

  /** Most retries in memory: enough for two batches. */
  get retryBound(): number {
    const { concurrency, batch } = this.subscription;
    return Math.max(4 * concurrency, 64, 2 * (batch?.maxEvents ?? 0));
  }

  /** Events that may be sent now; 0 for none. */
  room(moment: Moment): number {
    return this.isActive ? this.flow.room(this.inFlight, moment) : 0;
  }

  /** It has something to send, and nothing but a token is missing. */
  lacksTokens(moment: Moment): boolean {
    return this.isActive && this.hasSomething && this.flow.lacksTokens(this.inFlight, moment);
  }

  offer(cursor: StreamCursor): void {
    if (!this.isActive) return;
    this.ready.add(cursor);
    this.line.add(this);
  }

  /** A cursor begins. */
  begin(cursor: StreamCursor): void {
    const { streamId } = cursor.stream;
    const before = this.former.get(streamId);
    this.former.delete(streamId);
    if (before !== undefined) cursor.succeed(before);
    this.cursors.add(cursor);
  }

  /** A cursor has ended: its results count no longer. */
  end(cursor: StreamCursor): void {
    this.cursors.delete(cursor);
    if (cursor.order.isBusy) this.former.set(cursor.stream.streamId, cursor);
  }

  /** A request has ended for a delivery whose cursor ended before. */
  released(delivery: Delivery, call: HookCall): void {
    const { cursor } = delivery;
    cursor.released(delivery, call);
    const { streamId } = cursor.stream;
    if (this.former.get(streamId)?.order.isBusy === false) this.former.delete(streamId);
  }

  /**
   * The next delivery for the request: while that is empty from the lane whose turn it is and that has one, then from the
   * same lane and topic.
   */
  take(call: HookCall): Delivery | undefined {
    if (call.first !== undefined) return this.takeFrom(call.lane, call);
    return this.takeProbe(call) ?? this.takeByTurn(call);
  }

  private takeProbe(call: HookCall): Delivery | undefined {
    return this.flow.isDown && this.prefersFirstTries ? this.takeFrom('first', call) : undefined;
  }

  private takeByTurn(call: HookCall): Delivery | undefined {
    for (let asked = 0; asked < turns.length; asked += 1) {
      call.lane = turns[this.turn] ?? 'first';
      this.turn = (this.turn + 1) % turns.length;
      const delivery = this.takeFrom(call.lane, call);
      if (delivery !== undefined) return delivery;
    }
    return undefined;
  }

  /** The request was full for it: it is the first of the next one. */
  carry(delivery: Delivery, lane: HookCall['lane']): void {
    this.carried.set(lane, delivery);
  }

  private takeFrom(lane: HookCall['lane'], call: HookCall): Delivery | undefined {
    const carried = this.carried.get(lane);
    if (carried === undefined) return lane === 'first' ? this.takeFirst(call) : this.takeWaiting(lane);
    this.carried.delete(lane);
    const { cursor, retry } = carried;
    if (!cursor.maySend || retry?.isDropped === true) return this.takeFrom(lane, call);
    return carried;
  }

  private takeFirst(call: HookCall): Delivery | undefined {
    for (let asked = this.ready.size; asked > 0; asked -= 1) {
      const cursor = this.ready.next();
      if (cursor === undefined) return undefined;
      if (!cursor.maySend) continue;
      const delivery = call.mayHold(cursor) ? this.takeOf(cursor, call) : undefined;
      if (cursor.isReadyFor(call)) this.ready.add(cursor);
      if (delivery !== undefined) return delivery;
    }
    return undefined;
  }

  /** What waited for its turn goes before what is new. */
  private takeOf(cursor: StreamCursor, call: HookCall): Delivery | undefined {
    const { order } = cursor;
    const fresh = this.flow.isDown && cursor.prefersFresh && order.hasRoom(call) ? cursor.takeNew() : undefined;
    if (fresh !== undefined) return this.firstTry(cursor, fresh);
    const waited = order.takeReady(call);
    if (waited !== undefined) {
      waited.isAdmitted = true;
      return waited;
    }
    if (!order.hasRoom(call)) return undefined;
    const event = cursor.take();
    return event && this.firstTry(cursor, event);
  }

  private firstTry(cursor: StreamCursor, event: HookEvent): Delivery {
    return new Delivery({ sender: this, cursor, event, attempt: 1, retry: undefined });
  }

  private takeWaiting(lane: WaitingLane): Delivery | undefined {
    for (let retry = this.loaded.next(lane); retry !== undefined; retry = this.loaded.next(lane)) {
      const { cursor, event } = retry;
      if (retry.isDropped || event === undefined || !cursor.maySend) continue;
      retry.isTaken = true;
      return new Delivery({ sender: this, cursor, event, attempt: retry.attempts + 1, retry });
    }
    return undefined;
  }

  /** Something in memory could be sent, or is about to be. */
  get hasSomething(): boolean {
    return this.ready.size > 0 || this.loaded.size > 0 || this.due.size > 0 || this.carried.size > 0;
  }

  /** A delivery is as if it had not been tried. */
  giveBack({ cursor, event, retry }: Delivery): void {
    if (retry === undefined) return cursor.giveBack(event);
    retry.isTaken = false;
    if (!retry.isDropped) this.loaded.add(retry);
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
