import type { StreamRef } from '@hookcast/log';
import type { Clock } from './clock.js';
import type { DeliveryLog } from './delivery-log.js';
import { errorText } from './delivery-log.js';
import { livenessOf } from './live-workers.js';
import type { DeliveryStores } from './delivery-stores.js';
import type { Claim, WorkerIdentity } from './ownership-store.js';
import { shareOut } from './rendezvous.js';

/** The streams in this worker's hands. */
export interface OwnedSet {
  /** stream → epoch, as of now */
  epochs(): ReadonlyMap<number, number>;
  take(claim: Claim): void;
  /** Another worker has it. */
  lose(streamId: number): void;
  /** Sends nothing more from it and waits until all that was sent is settled. */
  drain(streamId: number): Promise<void>;
}

export interface OwnershipOptions {
  store: DeliveryStores['ownership'];
  identity: WorkerIdentity;
  clock: Clock;
  lines: DeliveryLog;
  isProcessAlive: (pid: number) => boolean;
  owned: OwnedSet;
  /** Ownership is known to hold until this moment of the monotonic clock. */
  onConfirmed: (until: number) => void;
}

export interface OwnershipCounts {
  claimed: number;
  released: number;
  lost: number;
}

/** Silence after which others may take over, by the database's clock ... */
const deadAfterMs = 10_000;
/** ... and well before that a worker that could not give a sign of life stops sending, by its own monotonic clock. */
export const trustMs = 8_000;
/** Difference to the database's clock that is worth a line in the log. */
const noticeableSkewMs = 5_000;

/** Gives signs of life, and keeps this worker's streams to its share of all. */
export class Ownership {
  private streams: readonly StreamRef[] = [];
  private wanted = new Set<number>();
  private wantedFor = '';
  private hasBeaten = false;
  private isSkewed = false;
  private readonly leaving = new Set<number>();

  constructor(private readonly options: OwnershipOptions) {}

  /** All streams there are. */
  setStreams(streams: readonly StreamRef[]): void {
    this.streams = streams;
    this.wantedFor = '';
  }

  async runOnce(): Promise<OwnershipCounts> {
    const { store, identity, clock, owned } = this.options;
    // From before the statement: the database stamps it later, so others count from a later moment.
    const beatAt = clock.monotonic();
    const beat = await store.beat(identity);
    this.watchClock(beat.at);
    const held = await store.owned(identity.workerId);
    const lost = this.loseMissing(held);
    this.options.onConfirmed(beatAt + trustMs);
    const { live, dead } = livenessOf(identity, await store.workers(deadAfterMs), this.options.isProcessAlive);
    this.share(live);
    const released = await this.releaseSurplus(held);
    // The server lost its workers table: the others are alive, and will say so before the next round.
    const hasLostTable = this.hasBeaten && !beat.wasKnown;
    this.hasBeaten = true;
    const mine = owned.epochs();
    const missing = [...this.wanted].filter((streamId) => !mine.has(streamId) && !this.leaving.has(streamId));
    const claimed = missing.length === 0 || hasLostTable ? 0 : await this.claim(missing, dead);
    return { claimed, released, lost };
  }

  /** Gives everything away at once. */
  async leave(): Promise<void> {
    await this.options.store.leave(this.options.identity.workerId);
  }

  /** Signatures carry this worker's time, and receivers refuse what is five minutes off. */
  private watchClock(databaseTime: Date): void {
    const skewMs = Math.abs(this.options.clock.now() - databaseTime.getTime());
    const isSkewed = skewMs > noticeableSkewMs;
    if (isSkewed && !this.isSkewed) this.options.lines.warn('delivery.clock-skew', { skewMs: Math.round(skewMs) });
    this.isSkewed = isSkewed;
  }

  private loseMissing(held: ReadonlyMap<number, number>): number {
    const { owned, lines } = this.options;
    const lost = [...owned.epochs()].filter(([streamId, epoch]) => held.get(streamId) !== epoch);
    for (const [streamId, epoch] of lost) {
      owned.lose(streamId);
      lines.warn('delivery.stream-lost', { streamId, epoch });
    }
    return lost.length;
  }

  private share(live: readonly string[]): void {
    const group = live.toSorted().join(' ');
    if (group === this.wantedFor) return;
    this.wantedFor = group;
    const { workerId } = this.options.identity;
    const owners = shareOut(this.streams, live);
    this.wanted = new Set([...owners].filter(([, owner]) => owner === workerId).map(([streamId]) => streamId));
    this.options.lines.info('delivery.shared-out', { workers: live.length, streams: this.wanted.size });
  }

  private async claim(streamIds: readonly number[], deadWorkers: readonly string[]): Promise<number> {
    const { store, identity, owned, lines } = this.options;
    const claims = await store.claim({ workerId: identity.workerId, streamIds, deadWorkers, deadAfterMs });
    for (const claim of claims) owned.take(claim);
    if (claims.length > 0) lines.info('delivery.streams-claimed', { streams: claims.length });
    return claims.length;
  }

  private async releaseSurplus(held: ReadonlyMap<number, number>): Promise<number> {
    const { store, identity, owned } = this.options;
    const isSurplus = (streamId: number) => !this.wanted.has(streamId) && !this.leaving.has(streamId);
    const mine = owned.epochs();
    const surplus = [...mine.keys()].filter(isSurplus);
    for (const streamId of surplus) void this.handOver(streamId);
    // Drained, but giving it away failed.
    const forgotten = [...held.keys()].filter((streamId) => isSurplus(streamId) && !mine.has(streamId));
    if (forgotten.length > 0) await store.release(identity.workerId, forgotten);
    return surplus.length + forgotten.length;
  }

  private async handOver(streamId: number): Promise<void> {
    this.leaving.add(streamId);
    try {
      await this.options.owned.drain(streamId);
      await this.options.store.release(this.options.identity.workerId, [streamId]);
    } catch (error) {
      this.options.lines.warn('delivery.hand-over-failed', { streamId, error: errorText(error) });
    } finally {
      this.leaving.delete(streamId);
    }
  }
}
