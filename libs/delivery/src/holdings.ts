import { FilterCache, type Filter } from '@hookcast/filter';
import type { StreamRef } from '@hookcast/log';
import type { StoredCursor } from './cursor-store.js';
import { errorText, type DeliveryLog } from './delivery-log.js';
import type { DeliverySubscription } from './delivery-subscription.js';
import { hookTemplate } from './hook-request.js';
import { OwnedStream, StreamCursor } from './owned-stream.js';
import type { Claim } from './ownership-store.js';
import type { OrderOpener } from './order-opener.js';
import type { Parking } from './parking.js';
import type { RetryBook } from './retry-book.js';
import { RoundRobin } from './round-robin.js';
import { Sender, type Endpoint } from './sender.js';
import type { StreamReader } from './stream-reader.js';

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

/** What this worker has in hand: streams, the cursors in them, and a sender for each subscription. */
export class Holdings {
  private refs = new Map<number, StreamRef>();
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly filters = new FilterCache();

  constructor(private readonly options: HoldingsOptions) {}

  /** stream → epoch */
  epochs(): Map<number, number> {
    return new Map([...this.options.streams.values()].map(({ streamId, epoch }) => [streamId, epoch]));
  }

  /** Takes over the catalog: new, changed, paused and deleted subscriptions, and the streams there are. */
  applyCatalog(catalog: { subscriptions: readonly DeliverySubscription[]; streams: readonly StreamRef[] }): void {
    this.refs = new Map(catalog.streams.map((ref) => [ref.streamId, ref]));
    for (const stream of this.options.streams.values()) if (!this.refs.has(stream.streamId)) this.drop(stream);
    const { senders } = this.options;
    const known = new Set(catalog.subscriptions.map(({ id }) => id));
    for (const sender of senders.values()) if (!known.has(sender.subscriptionId)) this.close(sender);
    for (const subscription of catalog.subscriptions) this.applySubscription(subscription);
  }

  take(claim: Claim): void {
    const ref = this.refs.get(claim.streamId);
    // Its topic was created after the catalog was read: the reload that is due will find the stream unheld.
    if (!ref) return;
    const stream = new OwnedStream(ref, claim.epoch);
    stream.head = claim.head;
    this.options.streams.set(claim.streamId, stream);
    this.options.book.addStream(stream);
    // The most advanced first: it makes the shared feed, and those behind catch up with it.
    for (const cursor of claim.cursors.toSorted((a, b) => b.settledSeq - a.settledSeq)) this.attach(stream, cursor);
  }

  /**
   * Brings the cursors of the owned streams up to date: new subscriptions begin, those that left a topic end, and those
   * that were moved by hand begin again where they stand now.
   */
  syncCursors(stored: readonly StoredCursor[]): void {
    const { streams } = this.options;
    const present = new Map(stored.map((row) => [`${row.streamId}/${row.subscriptionId}`, row.moves]));
    for (const stream of streams.values()) {
      for (const cursor of stream.cursors.values())
        if (present.get(cursor.key) !== cursor.moves) this.closeCursor(cursor);
    }
    for (const row of stored) {
      const stream = streams.get(row.streamId);
      if (!stream || row.epoch !== stream.epoch) continue;
      const known = stream.cursors.get(row.subscriptionId);
      if (known) known.drainSeq = row.drainSeq;
      else this.attach(stream, row);
    }
    for (const sender of this.options.senders.values()) sender.weighRate();
  }

  /** Another worker has the stream, or it is gone: nothing that is known about it counts any more. */
  drop(stream: OwnedStream): void {
    stream.isClosing = true;
    for (const cursor of stream.cursors.values()) this.closeCursor(cursor);
    this.options.streams.delete(stream.streamId);
  }

  closeCursor(cursor: StreamCursor): void {
    const { stream } = cursor;
    cursor.isClosed = true;
    stream.unfollow(cursor);
    stream.cursors.delete(cursor.sender.subscriptionId);
    const sender = this.options.senders.get(cursor.sender.subscriptionId);
    if (!sender) return;
    sender.cursors.delete(cursor);
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
    sender.cursors.add(cursor);
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
      const endpoint = this.endpointOf(subscription.url);
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
    const isElsewhere = sender.template.url !== settings.template.url;
    sender.apply(settings);
    for (const cursor of sender.cursors) this.reorder(cursor);
    if (wasActive && !sender.isActive) this.silence(sender);
    // What is known about the old URL says nothing about a new one.
    if (sender.isActive && (!wasActive || isElsewhere)) this.resume(sender);
    // A wider window may take more at once.
    this.options.line.add(sender);
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

  private endpointOf(url: string): Endpoint {
    const { origin } = new URL(url);
    const known = this.endpoints.get(origin);
    if (known) return known;
    const endpoint: Endpoint = { origin, inFlight: 0, waiting: new RoundRobin<Sender>() };
    this.endpoints.set(origin, endpoint);
    return endpoint;
  }
}
