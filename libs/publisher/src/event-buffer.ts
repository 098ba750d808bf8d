import { Fifo } from './fifo.js';
import type { PendingPublish } from './pending-publish.js';

export interface BufferLimits {
  maxEvents: number;
  maxBytes: number;
  whenFull: 'reject' | 'wait';
}

/** Knows the calls that are not settled, and holds back those that would take the buffer over its limits. */
export class EventBuffer {
  /** Events and bytes of the calls that were admitted. */
  events = 0;
  bytes = 0;
  private readonly pending = new Set<PendingPublish>();
  private readonly waiting = new Fifo<PendingPublish>();

  /** @param onAdmitted takes each call once there is room for it, in the order they were offered */
  constructor(
    private readonly limits: BufferLimits,
    private readonly onAdmitted: (pending: PendingPublish) => void,
  ) {}

  /** Admits the call, now or as soon as there is room; false when it is to be rejected instead. */
  offer(pending: PendingPublish): boolean {
    const mustWait = this.waiting.length > 0 || !this.hasRoomFor(pending);
    if (mustWait && this.limits.whenFull === 'reject') return false;
    this.pending.add(pending);
    if (mustWait) this.waiting.push(pending);
    else this.admit(pending);
    return true;
  }

  /** Forgets a settled call and admits those that waited for its room. */
  release(pending: PendingPublish): void {
    this.pending.delete(pending);
    if (!pending.isAdmitted) return;
    this.events -= pending.events.length;
    this.bytes -= pending.bytes;
    this.admitWaiting();
  }

  unsettled(): PendingPublish[] {
    return [...this.pending];
  }

  private admitWaiting(): void {
    for (let next = this.waiting.peek(); next !== undefined; next = this.waiting.peek()) {
      if (next.isWanted && !this.hasRoomFor(next)) return;
      this.waiting.shift();
      if (next.isWanted) this.admit(next);
    }
  }

  /** An empty buffer takes any one call, so that one larger than the limits does not wait for ever. */
  private hasRoomFor({ events, bytes }: PendingPublish): boolean {
    if (this.events === 0) return true;
    return this.events + events.length <= this.limits.maxEvents && this.bytes + bytes <= this.limits.maxBytes;
  }

  private admit(pending: PendingPublish): void {
    pending.isAdmitted = true;
    this.events += pending.events.length;
    this.bytes += pending.bytes;
    this.onAdmitted(pending);
  }
}
