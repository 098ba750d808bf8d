import type { StreamRef } from '@hookcast/log';
import { errorText, type DeliveryLog } from './delivery-log.js';
import type { DeliveryStores } from './delivery-stores.js';
import type { CatalogChanges, SubscriptionCatalog } from './delivery-subscription.js';
import type { Suspension } from './history/subscription-state-store.js';
import type { Holdings } from './holdings.js';
import type { Clock } from './timing/clock.js';

/** Milliseconds after which all is loaded again with the next change, whatever it is. */
const wholeMs = 300_000;

export interface CatalogFollowerOptions {
  catalog: SubscriptionCatalog;
  stores: Pick<DeliveryStores, 'adoptCursors' | 'suspend'>;
  holdings: Holdings;
  clock: Clock;
  lines: DeliveryLog;
  /** All streams there are, whenever these change. */
  onStreams: (streams: readonly StreamRef[]) => void;
  /** What is known now was true at this moment of the monotonic clock. */
  onConfirmed: (askedAt: number) => void;
}

/** Brings what the worker has in hand to the state of the control plane: by what changed, or by all there is. */
export class CatalogFollower {
  private known = -1;
  private doubts = 0;
  private loadedAt = Number.NEGATIVE_INFINITY;
  /** Unix ms. */
  private endsAt = Infinity;

  constructor(private readonly options: CatalogFollowerOptions) {}

  /** Of control_state, as the worker knows it; -1 for nothing that could be trusted. */
  get version(): number {
    return this.known;
  }

  /** Something of it is over, such as the grace of a secret, which no change of the control plane tells. */
  get hasEnded(): boolean {
    return this.options.clock.now() >= this.endsAt;
  }

  /** What is in memory may be wrong: all is to be loaded next time. */
  distrust(): void {
    this.doubts += 1;
    this.known = -1;
  }

  /** Takes over what has changed since the last time. */
  async follow(): Promise<void> {
    const { catalog, clock, onConfirmed } = this.options;
    const askedAt = clock.monotonic();
    if (this.known < 0 || this.hasEnded || askedAt - this.loadedAt >= wholeMs) return this.load();
    const { known, doubts } = this;
    const changes = await catalog.changes(known);
    if (changes === undefined) return this.load();
    await this.apply(changes);
    this.endsAt = Math.min(this.endsAt, changes.endsAt ?? Infinity);
    this.settle(changes.version, doubts);
    onConfirmed(askedAt);
  }

  /** Takes over all there is. */
  async load(): Promise<void> {
    const { catalog, clock, holdings, stores, onStreams, onConfirmed } = this.options;
    const { doubts } = this;
    const askedAt = clock.monotonic();
    const all = await catalog.load();
    holdings.applyCatalog(all);
    onStreams(all.streams);
    holdings.syncCursors(await stores.adoptCursors(holdings.epochs()));
    this.settle(all.version, doubts);
    this.loadedAt = askedAt;
    this.endsAt = all.endsAt ?? Infinity;
    onConfirmed(askedAt);
  }

  /** Stores what this worker has already done for itself: it sends nothing more to the subscription. */
  async suspend(name: string, suspension: Omit<Suspension, 'version'>): Promise<void> {
    try {
      const isDone = await this.options.stores.suspend({ ...suspension, version: this.known });
      // Something has changed since, whatever it was: all is loaded again, this subscription as well, and judged anew.
      if (!isDone) this.distrust();
    } catch (error) {
      // The load finds it active, and the next attempt suspends it again.
      this.distrust();
      this.options.lines.warn('delivery.suspend-failed', { subscription: name, error: errorText(error) });
    }
  }

  /** A doubt that came up meanwhile is not cleared by what was read before it. */
  private settle(version: number, doubts: number): void {
    this.known = doubts === this.doubts ? version : -1;
  }

  private async apply(changes: CatalogChanges): Promise<void> {
    const { holdings, stores, onStreams } = this.options;
    holdings.applyChanges(changes);
    if (changes.topicIds.length > 0) {
      onStreams(holdings.knownStreams);
      const touched = holdings.epochsOf(changes);
      if (touched.size > 0) holdings.syncCursors(await stores.adoptCursors(touched), { streams: touched });
    }
    const streams = holdings.epochsFor(changes.subscriptions);
    if (streams.size === 0) return;
    const subscriptions = new Set(changes.subscriptionIds);
    holdings.syncCursors(await stores.adoptCursors(streams, [...subscriptions]), { streams, subscriptions });
  }
}
