import type { HookEvent } from '../sending/hook-event.js';

/**
 * A stretch of one stream in memory. Readers keep their place as an ordinal, which stays valid while events are appended
 * at the end and trimmed at the front.
 */
export class EventBuffer {
  private events: HookEvent[] = [];
  private firstOrdinal = 0;
  private byteCount = 0;
  private floorSeq: number;
  private lastSeq: number;
  private lastAt: number;

  /** Starts empty behind position `seq`; `at` is a time not after the event that follows it. */
  constructor(seq: number, at: number) {
    this.floorSeq = seq;
    this.lastSeq = seq;
    this.lastAt = at;
  }

  /** Position and time that the next read continues from. */
  get end(): { seq: number; at: number } {
    return { seq: this.lastSeq, at: this.lastAt };
  }

  get endSeq(): number {
    return this.lastSeq;
  }

  get endOrdinal(): number {
    return this.firstOrdinal + this.events.length;
  }

  get size(): number {
    return this.events.length;
  }

  get bytes(): number {
    return this.byteCount;
  }

  at(ordinal: number): HookEvent | undefined {
    return this.events[ordinal - this.firstOrdinal];
  }

  append(events: readonly HookEvent[]): void {
    for (const event of events) {
      this.events.push(event);
      this.byteCount += event.bytes;
      this.lastSeq = event.seq;
      this.lastAt = event.at;
    }
  }

  /** Forgets what lies before the ordinal. */
  trim(ordinal: number): void {
    const count = Math.min(ordinal - this.firstOrdinal, this.events.length);
    if (count <= 0) return;
    for (const event of this.events.splice(0, count)) {
      this.byteCount -= event.bytes;
      this.floorSeq = event.seq;
    }
    this.firstOrdinal += count;
  }

  /** Where to go on reading behind `seq`; undefined when that place is before what is kept or beyond its end. */
  ordinalAfter(seq: number): number | undefined {
    if (seq < this.floorSeq || seq > this.lastSeq) return undefined;
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.events[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.firstOrdinal + low;
  }
}
