import { EventBuffer } from './event-buffer.js';
import type { Queued } from '../sending/round-robin.js';

export interface Follower {
  /** Its place in the feed's buffer. */
  ordinal: number;
  eventsArrived(): void;
}

export interface FeedSource {
  readonly streamId: number;
  /** Highest position known to exist. */
  readonly head: number;
  /** Whether there may be events behind a position. */
  hasBehind(seq: number): boolean;
}

/** Most events of one read. */
export const pageEvents = 256;
/** Fewer events than this ahead of the fastest follower ask for the next read, so that it arrives in time ... */
const lowWater = 128;
/** ... unless they are large ones. */
const lowWaterBytes = 1_048_576;

/**
 * Events read ahead from one stream. The shared feed of a stream is read once for all subscriptions that keep up; one
 * that fell behind has a feed of its own.
 */
export class Feed<T extends Follower = Follower> implements Queued {
  queued = false;
  isReading = false;
  buffer: EventBuffer;
  /** Followers of the shared feed, or the single one of an own feed. */
  readonly followers = new Set<T>();
  private frontier = 0;

  /** @param pageSize most events of one read */
  constructor(
    readonly source: FeedSource,
    start: { seq: number; at: number },
    readonly pageSize: number,
  ) {
    this.buffer = new EventBuffer(start.seq, start.at);
  }

  /** Starts over at another place; a read that is under way will notice that its buffer is gone. */
  restart(start: { seq: number; at: number }): void {
    this.buffer = new EventBuffer(start.seq, start.at);
    this.frontier = 0;
  }

  /** A follower moved on. */
  advanced(ordinal: number): void {
    if (ordinal > this.frontier) this.frontier = ordinal;
  }

  get wantsMore(): boolean {
    return !this.isReading && this.source.hasBehind(this.buffer.endSeq) && this.followers.size > 0 && this.isLow;
  }

  private get isLow(): boolean {
    const { size, bytes, endOrdinal } = this.buffer;
    const ahead = endOrdinal - this.frontier;
    return ahead <= 0 || (ahead < Math.min(lowWater, this.pageSize) && (bytes / size) * ahead < lowWaterBytes);
  }

  /** Forgets what every follower has passed. */
  trim(): void {
    let slowest = this.buffer.endOrdinal;
    for (const { ordinal } of this.followers) if (ordinal < slowest) slowest = ordinal;
    this.buffer.trim(slowest);
  }
}
