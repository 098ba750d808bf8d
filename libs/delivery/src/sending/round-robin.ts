/** Whatever waits for its turn says itself whether it stands in line, so that joining costs no lookup. */
export interface Queued {
  queued: boolean;
}

/** A line in which everybody stands at most once: whoever was served joins again at the end. A ring that grows. */
export class RoundRobin<T extends Queued> {
  private ring: (T | undefined)[] = [undefined, undefined];
  private first = 0;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Joins at the end; does nothing for one that already stands in this or another line. */
  add(item: T): void {
    if (item.queued) return;
    item.queued = true;
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.first + this.count) & (this.ring.length - 1)] = item;
    this.count += 1;
  }

  /** Takes the one in front out of the line. */
  next(): T | undefined {
    const item = this.ring[this.first];
    if (item === undefined) return undefined;
    this.ring[this.first] = undefined;
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.count -= 1;
    item.queued = false;
    return item;
  }

  /** Its length stays a power of two, so that a mask wraps around. */
  private grow(): void {
    const { ring, first } = this;
    this.ring = [...ring.slice(first), ...ring.slice(0, first), ...ring.map(() => undefined)];
    this.first = 0;
  }
}
