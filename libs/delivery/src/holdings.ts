import { FilterCache, type Filter } from '@hookcast/filter';
import type { StreamRef } from '@hookcast/log';
import { compilePattern } from '@hookcast/protocol';
import type { StoredCursor } from './reading/cursor-store.js';
import { errorText, type DeliveryLog } from './delivery-log.js';
import type { CatalogChanges, DeliverySubscription } from './delivery-subscription.js';
import { hookTemplate } from './sending/hook-request.js';
import { OwnedStream, StreamCursor, type StreamRequests } from './reading/owned-stream.js';
import type { Claim } from './ownership/ownership-store.js';
import type { OrderOpener } from './order/order-opener.js';
import type { Parking } from './flow/parking.js';
import type { RetryBook } from './retries/retry-book.js';
import { Endpoints } from './sending/endpoints.js';
import type { RoundRobin } from './sending/round-robin.js';
import { Sender, type Endpoint } from './sending/sender.js';
import type { StreamReader } from './reading/stream-reader.js';

export interface HoldingsOptions {
  streams: Map<number, OwnedStream>;
  senders: Map<number, Sender>;
  reader: StreamReader;
  book: RetryBook;
  line: RoundRobin<Sender>;
  opener: OrderOpener;
  parking: Parking;
  lines: DeliveryLog;
  userAgent: string;
}

/** Cursors of these streams, and of these subscriptions only where they are named. */
export interface CursorScope {
  streams: ReadonlyMap<number, unknown>;
  subscriptions?: Pick<ReadonlySet<number>, 'has'>;
}

/** What this worker has in hand: streams, the cursors in them, and a sender for each subscription. */
export class Holdings {
  private refs = new Map<number, StreamRef>();
  private readonly endpoints = new Endpoints();
  private readonly filters = new FilterCache();
  /** Streams that were let go while requests of theirs were under way. */
  private readonly leftOver = new Map<number, StreamRequests>();

  constructor(private readonly options: HoldingsOptions) {}

  /** Of the owned streams: stream → epoch */
  epochs(isMeant: (stream: OwnedStream) => boolean = () => true): Map<number, number> {
    const meant = [...this.options.streams.values()].filter(isMeant);
    return new Map(meant.map(({ streamId, epoch }) => [streamId, epoch]));
  }

  /** Takes over the catalog: new, changed, paused and deleted subscriptions, and the streams there are. */
  applyCatalog(catalog: { subscriptions: readonly DeliverySubscription[]; streams: readonly StreamRef[] }): void {
    this.refs = new Map(catalog.streams.map((ref) => [ref.streamId, ref]));
    for (const stream of this.options.streams.values()) if (!this.refs.has(stream.streamId)) this.drop(stream);
    const { senders } = this.options;
    const known = new Set(catalog.subscriptions.map(({ id }) => id));
    for (const sender of senders.values()) if (!known.has(sender.subscriptionId)) this.close(sender);
    for (const subscription of catalog.subscriptions) this.applySubscription(subscription);
    this.endpoints.forgetUnused(this.options.senders.values());
  }

  /** Takes over what was touched: the subscriptions, and the topics with their streams. Nothing else changes. */
  applyChanges({ subscriptionIds, subscriptions, topicIds, streams }: CatalogChanges): void {
    const topics = new Set(topicIds);
    const present = new Set(streams.map(({ streamId }) => streamId));
    for (const { streamId, topicId } of this.refs.values()) {
      if (topics.has(topicId) && !present.has(streamId)) this.forget(streamId);
    }
    for (const ref of streams) this.refs.set(ref.streamId, ref);
    const known = new Set(subscriptions.map(({ id }) => id));
    for (const id of subscriptionIds) {
      const sender = known.has(id) ? undefined : this.options.senders.get(id);
      if (sender) this.close(sender);
    }
    for (const subscription of subscriptions) this.applySubscription(subscription);
    this.endpoints.forgetUnused(this.options.senders.values());
  }

  /** All streams there are, whoever owns them. */
  get knownStreams(): StreamRef[] {
    return [...this.refs.values()];
  }

  /** Of the owned streams, those of touched topics: stream → epoch. */
  epochsOf({ topicIds }: Pick<CatalogChanges, 'topicIds'>): Map<number, number> {
    const topics = new Set(topicIds);
    return this.epochs(({ ref }) => topics.has(ref.topicId));
  }

  /** Of the owned streams, those in which one of the subscriptions has a cursor or may have one: stream → epoch. */
  epochsFor(subscriptions: readonly Pick<DeliverySubscription, 'id' | 'topics'>[]): Map<number, number> {
    if (subscriptions.length === 0) return new Map();
    const patterns = new Set(subscriptions.flatMap(({ topics }) => topics));
    const tests = [...patterns].map(compilePattern);
    return this.epochs(
      ({ ref, cursors }) =>
        subscriptions.some(({ id }) => cursors.has(id)) || tests.some((matches) => matches(ref.topic)),
    );
  }

  take(claim: Claim): void {
    const ref = this.refs.get(claim.streamId);
    // Its topic was created after the catalog was read: the reload that is due will find the stream unheld.
    if (!ref) return;
    const stream = new OwnedStream(ref, claim.epoch, this.leftOver.get(claim.streamId));
    stream.head = claim.head;
    this.options.streams.set(claim.streamId, stream);
    this.options.book.addStream(stream);
    // The most advanced first: it makes the shared feed, and those behind catch up with it.
    for (const cursor of claim.cursors.toSorted((a, b) => b.settledSeq - a.settledSeq)) this.attach(stream, cursor);
  }

  /**
   * Brings the cursors of the owned streams up to date: new subscriptions begin, those that left a topic end, and those
   * that were moved by hand begin again where they stand now.
   *
   * @param stored those of all owned streams, or of `within`
   */
  syncCursors(stored: readonly StoredCursor[], within: CursorScope = { streams: this.options.streams }): void {
    this.endCursors(new Map(stored.map((row) => [`${row.streamId}/${row.subscriptionId}`, row])), within);
    for (const row of stored) {
      const stream = this.options.streams.get(row.streamId);
      if (!stream || row.epoch !== stream.epoch) continue;
      const known = stream.cursors.get(row.subscriptionId);
      if (!known && stream.awaited.has(row.subscriptionId)) continue;
      if (!known) this.attach(stream, row);
      else if (known.drainSeq !== row.drainSeq) this.drain(known, row.drainSeq);
    }
  }

  /** @param present cursors that are stored */
  private endCursors(present: ReadonlyMap<string, StoredCursor>, within: CursorScope): void {
    const { streams, senders } = this.options;
    const { subscriptions = senders } = within;
    const known = [...within.streams.keys()].flatMap((id) => [...(streams.get(id)?.cursors.values() ?? [])]);
    for (const cursor of known) {
      const { subscriptionId } = cursor.sender;
      if (!subscriptions.has(subscriptionId) || isRowOf(cursor, present.get(cursor.key))) continue;
      this.closeCursor(cursor);
      senders.get(subscriptionId)?.weighRate();
    }
  }

  /** Up to there lies the backlog that the last resume found. */
  private drain(cursor: StreamCursor, drainSeq: number): void {
    cursor.drainSeq = drainSeq;
    this.options.senders.get(cursor.sender.subscriptionId)?.weighRate();
  }

  /** Another worker has the stream, or it is gone: nothing that is known about it counts any more. */
  drop(stream: OwnedStream): void {
    stream.isClosing = true;
    for (const cursor of stream.cursors.values()) this.closeCursor(cursor);
    this.options.streams.delete(stream.streamId);
    for (const [streamId, { areUnderWay }] of this.leftOver) if (!areUnderWay) this.leftOver.delete(streamId);
    if (stream.requests.areUnderWay) this.leftOver.set(stream.streamId, stream.requests);
  }

  /** It is no longer there for anybody. */
  private forget(streamId: number): void {
    const stream = this.options.streams.get(streamId);
    if (stream) this.drop(stream);
    this.refs.delete(streamId);
  }

  /**
   * Ends cursors that will begin again. Rows that are being read at this moment may be older than what their settles
   * wrote, so none counts for them until the function that this answers was called.
   */
  endToBegin(cursors: readonly StreamCursor[]): () => void {
    const ended = cursors.filter(({ isClosed }) => !isClosed);
    for (const cursor of ended) {
      this.closeCursor(cursor);
      cursor.stream.awaited.add(cursor.sender.subscriptionId);
    }
    return () => {
      for (const { stream, sender } of ended) stream.awaited.delete(sender.subscriptionId);
    };
  }

  private closeCursor(cursor: StreamCursor): void {
    const { stream } = cursor;
    cursor.isClosed = true;
    stream.unfollow(cursor);
    stream.cursors.delete(cursor.sender.subscriptionId);
    const sender = this.options.senders.get(cursor.sender.subscriptionId);
    if (!sender) return;
    sender.end(cursor);
    this.options.book.dropCursor(cursor, sender);
  }

  /** Stops sending at once; the control plane learns it by its own way. */
  suspend(sender: Sender): void {
    this.change(sender, { ...sender.settings, subscription: { ...sender.subscription, state: 'suspended' } });
  }

  private attach(stream: OwnedStream, row: StoredCursor): void {
    const sender = this.options.senders.get(row.subscriptionId);
    if (!sender) return;
    const cursor = new StreamCursor(stream, sender, row);
    stream.cursors.set(row.subscriptionId, cursor);
    sender.begin(cursor);
    sender.weighRate();
    this.options.book.addCursor(cursor, sender);
    this.options.opener.want(cursor);
    this.options.parking.adopt(sender, cursor);
  }

  private applySubscription(subscription: DeliverySubscription): void {
    const { senders, line, lines, userAgent } = this.options;
    const sender = senders.get(subscription.id);
    if (sender && JSON.stringify(sender.subscription) === JSON.stringify(subscription)) return;
    try {
      const template = hookTemplate(subscription, userAgent);
      const endpoint = this.endpoints.of(subscription.url);
      const filter = this.filterOf(subscription);
      const settings = { subscription, template, endpoint, filter };
      if (sender) this.change(sender, settings);
      else senders.set(subscription.id, new Sender(settings, line));
    } catch (error) {
      // Not one that a hook can answer for: nothing is sent, no attempt is used up, and the backlog stays.
      lines.warn('delivery.subscription-unusable', { subscription: subscription.name, error: errorText(error) });
      if (sender) this.suspend(sender);
    }
  }

  private change(sender: Sender, settings: Sender['settings']): void {
    const wasActive = sender.isActive;
    const wasUnheard = sender.isUnheard;
    const isElsewhere = sender.template.url !== settings.template.url;
    const { endpoint } = sender;
    sender.apply(settings);
    if (sender.endpoint !== endpoint) this.askAgain(endpoint);
    for (const cursor of sender.cursors) this.reorder(cursor);
    if (wasActive && !sender.isActive) this.silence(sender);
    // What is known about the old URL says nothing about a new one.
    if (sender.isActive && (!wasActive || isElsewhere)) this.resume(sender);
    // It has answered another worker, or the handshake.
    if (wasUnheard && !sender.isUnheard) this.options.parking.heard(sender);
    // A wider window may take more at once.
    this.options.line.add(sender);
  }

  /**
   * A sender has left the endpoint. It may be the one that stood next in line there, and would take the turn along that
   * the end of a request gave it; so all who wait ask for themselves again.
   */
  private askAgain({ waiting }: Endpoint): void {
    for (let sender = waiting.next(); sender !== undefined; sender = waiting.next()) this.options.line.add(sender);
  }

  /** The order may have changed: what waited under the old one asks again. */
  private reorder(cursor: StreamCursor): void {
    cursor.reorder();
    this.options.opener.want(cursor);
  }

  private silence(sender: Sender): void {
    for (const cursor of sender.cursors) cursor.stream.unfollow(cursor);
    sender.dropRetries();
  }

  private resume(sender: Sender): void {
    const { parking } = this.options;
    parking.lift(sender);
    for (const cursor of sender.cursors) parking.follow(sender, cursor);
  }

  private close(sender: Sender): void {
    sender.isClosed = true;
    for (const cursor of sender.cursors) this.closeCursor(cursor);
    this.options.parking.forget(sender);
    this.options.senders.delete(sender.subscriptionId);
  }

  /** @throws Error for an expression that was stored by a version with other rules */
  private filterOf({ filter }: DeliverySubscription): Filter | undefined {
    if (filter === null) return undefined;
    const compiled = this.filters.compile(filter);
    if (compiled.kind === 'malformed') throw new Error(`filter: ${compiled.detail}`);
    return compiled.filter;
  }
}

/**
 * Whether the row is the one that the cursor began with, or what its settles have made of it: a row that has been made
 * anew since, as when a subscription leaves a topic and comes back, begins with a higher number.
 */
function isRowOf(cursor: StreamCursor, row: StoredCursor | undefined): boolean {
  return row !== undefined && row.moves === cursor.moves && row.settleNo <= cursor.settleNo;
}
