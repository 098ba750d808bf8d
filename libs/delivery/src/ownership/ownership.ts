import type { StreamRef } from '@hookcast/log';
import type { Clock } from '../timing/clock.js';
import type { DeliveryLog } from '../delivery-log.js';
import { errorText } from '../delivery-log.js';
import { deadAfterMs, livenessOf } from './live-workers.js';
import type { DeliveryStores } from '../delivery-stores.js';
import type { Claim, WorkerIdentity } from './ownership-store.js';
import { shareOut } from './rendezvous.js';

/** The streams in this worker's hands. */
export interface OwnedSet {
  /** stream → epoch, as of now */
  epochs(): ReadonlyMap<number, number>;
  take(claim: Claim): void;
  /** Another worker has it. */
  lose(streamId: number): void;
  /**
   * Waits until all that was sent from it is settled, and lets go of it; false when it is to stay after all.
   *
   * @param isWantedAgain whether it is to stay
   */
  drain(streamId: number, isWantedAgain: () => boolean): Promise<boolean>;
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

/** Well before others may take over, a worker that could not give a sign of life stops sending, by its own monotonic clock. */
export const trustMs = 6_500;
/** Of the streams that a worker has, those that it gives to one that joins at the same time: the others make up for them. */
const shareOnTheMove = 1 / 8;
/** Milliseconds after which the next ones move although a slow hook holds one up. */
const longestMoveMs = 500;
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
  private sparedUntil = Number.NEGATIVE_INFINITY;
  private nextDeathAt = Number.POSITIVE_INFINITY;
  private isLeaving = false;
  private liveWorkers = 1;
  private moving = 0;
  /** Drained and about to be given away, in one statement: stream → epoch. */
  private drained = new Map<number, number>();
  private releasing: Promise<void> | undefined;

  constructor(private readonly options: OwnershipOptions) {}

  /** All streams there are. */
  setStreams(streams: readonly StreamRef[]): void {
    this.streams = streams;
    this.wantedFor = '';
  }

  /** Milliseconds until another worker will have been silent for too long; as of the last round. */
  get untilNextDeathMs(): number {
    return Math.max(0, this.nextDeathAt - this.options.clock.monotonic());
  }

  /** Other workers share the streams; as of the last round. */
  get hasOthers(): boolean {
    return this.liveWorkers > 1;
  }

  async runOnce(): Promise<OwnershipCounts> {
    const { store, identity, clock } = this.options;
    // From before the statement: the database stamps it later, so others count from a later moment.
    const beatAt = clock.monotonic();
    const beat = await store.beat(identity, this.isLeaving);
    this.watchClock(beat.at);
    const held = await store.owned(identity.workerId);
    const lost = this.loseMissing(held);
    this.options.onConfirmed(beatAt + trustMs);
    if (this.isLeaving) return { claimed: 0, released: 0, lost };
    const { live, dead, nextDeathMs } = livenessOf(identity, await store.workers(), this.options.isProcessAlive);
    this.nextDeathAt = clock.monotonic() + nextDeathMs;
    // Who sees that a process is gone frees its streams for all: those on other machines would wait for its silence.
    for (const workerId of dead) await store.leave(workerId);
    this.share(live);
    const released = await this.releaseSurplus(held);
    // The server has crashed and its unlogged table of workers is empty: the others' silence begins anew.
    if (this.hasBeaten && !beat.wasKnown) this.sparedUntil = beatAt + deadAfterMs;
    this.hasBeaten = true;
    const missing = this.missing();
    const fromSilent = beatAt >= this.sparedUntil;
    const claimed = missing.length === 0 ? 0 : await this.claim(missing, { fromSilent, held });
    return { claimed, released, lost };
  }

  /** Takes what is free of its share, without a whole round: until then nobody sends from it. */
  async claimFree(): Promise<number> {
    const { store, identity, isProcessAlive } = this.options;
    if (this.isLeaving) return 0;
    // Of what it knew as its share all is here: so a worker has left, and the shares are others by now.
    if (this.missing().length === 0) this.share(livenessOf(identity, await store.workers(), isProcessAlive).live);
    const missing = this.missing();
    return missing.length === 0 ? 0 : this.claim(missing, { fromSilent: false, held: new Map() });
  }

  /**
   * Takes no stream any more and gives all away: each as soon as what was sent from it has been answered and settled, so
   * that one slow hook holds up none but its own. Until then it goes on giving signs of life, or others would take over.
   */
  async handOverAll(): Promise<void> {
    this.isLeaving = true;
    // Whoever dies now is for others to take over from.
    this.nextDeathAt = Number.POSITIVE_INFINITY;
    await Promise.all([...this.options.owned.epochs()].map(async (stream) => this.handOver(...stream)));
  }

  /** Gives back whatever is left. */
  async leave(): Promise<void> {
    await this.options.store.leave(this.options.identity.workerId);
  }

  private missing(): number[] {
    const mine = this.options.owned.epochs();
    return [...this.wanted].filter((streamId) => !mine.has(streamId) && !this.leaving.has(streamId));
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
    this.liveWorkers = live.length;
    const group = live.toSorted().join(' ');
    if (group === this.wantedFor) return;
    this.wantedFor = group;
    const { workerId } = this.options.identity;
    const owners = shareOut(this.streams, live);
    this.wanted = new Set([...owners].filter(([, owner]) => owner === workerId).map(([streamId]) => streamId));
    this.options.lines.info('delivery.shared-out', { workers: live.length, streams: this.wanted.size });
  }

  private async claim(
    streamIds: readonly number[],
    known: { fromSilent: boolean; held: ReadonlyMap<number, number> },
  ): Promise<number> {
    const { store, identity, owned, lines } = this.options;
    const claims = await store.claim({ workerId: identity.workerId, streamIds, deadAfterMs, ...known });
    for (const claim of claims) owned.take(claim);
    if (claims.length > 0) lines.info('delivery.streams-claimed', { streams: claims.length });
    return claims.length;
  }

  private async releaseSurplus(held: ReadonlyMap<number, number>): Promise<number> {
    const { store, identity, owned } = this.options;
    const moved = this.moveSurplus();
    const mine = owned.epochs();
    // Drained, but giving it away failed.
    const forgotten = new Map([...held].filter(([streamId]) => this.isSurplus(streamId) && !mine.has(streamId)));
    if (forgotten.size > 0) await store.release(identity.workerId, forgotten);
    return moved + forgotten.size;
  }

  /** A few at a time: while a stream is between two hands nothing is sent from it. */
  private moveSurplus(): number {
    if (this.isLeaving) return 0;
    const mine = this.options.owned.epochs();
    const room = Math.ceil(mine.size * shareOnTheMove) - this.moving;
    const next = [...mine].filter(([streamId]) => this.isSurplus(streamId)).slice(0, Math.max(room, 0));
    for (const stream of next) void this.move(...stream);
    return next.length;
  }

  private async move(streamId: number, epoch: number): Promise<void> {
    this.moving += 1;
    let patience: NodeJS.Timeout | undefined;
    const isPatient = new Promise((resolve) => (patience = setTimeout(resolve, longestMoveMs)));
    await Promise.race([this.handOver(streamId, epoch), isPatient]);
    clearTimeout(patience);
    this.moving -= 1;
    this.moveSurplus();
  }

  private isSurplus(streamId: number): boolean {
    return !this.wanted.has(streamId) && !this.leaving.has(streamId);
  }

  private async handOver(streamId: number, epoch: number): Promise<void> {
    this.leaving.add(streamId);
    // The worker that was to have it may be gone again before a slow hook has answered.
    if (await this.options.owned.drain(streamId, () => !this.isLeaving && this.wanted.has(streamId))) {
      this.drained.set(streamId, epoch);
      this.releasing ??= this.releaseDrained();
      await this.releasing;
    }
    this.leaving.delete(streamId);
  }

  private async releaseDrained(): Promise<void> {
    const { store, identity, lines } = this.options;
    // Others share out without a worker that leaves once they know, so this comes first. It gathers what drains meanwhile.
    const announced = this.isLeaving ? store.beat(identity, true) : undefined;
    await Promise.allSettled([announced]);
    const streams = this.drained;
    this.drained = new Map();
    this.releasing = undefined;
    try {
      await announced;
      await store.release(identity.workerId, streams);
    } catch (error) {
      // The next round, or the leave, finds them in the table and tries again.
      lines.warn('delivery.hand-over-failed', { streams: streams.size, error: errorText(error) });
    }
  }
}
