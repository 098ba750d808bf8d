/** Whatever waits for its turn says itself whether it stands in line, so that joining costs no lookup. */
export interface Queued {
  queued: boolean;
}

/** A line in which everybody stands at most once: whoever was served joins again at the end. */
export class RoundRobin<T extends Queued> {
  private line: T[] = [];
  private first = 0;

  get size(): number {
    return this.line.length - this.first;
  }

  /** Joins at the end; does nothing for one that already stands in this or another line. */
  add(item: T): void {
    if (item.queued) return;
    item.queued = true;
    this.line.push(item);
  }

  /** Takes the one in front out of the line. */
  next(): T | undefined {
    const item = this.line[this.first];
    if (item === undefined) return undefined;
    this.first += 1;
    item.queued = false;
    this.compact();
    return item;
  }

  /** Dropping what was served only once it is half of a long array keeps every call O(1) on average. */
  private compact(): void {
    if (this.first === this.line.length) this.line.length = 0;
    else if (this.first > 64 && this.first * 2 > this.line.length) this.line = this.line.slice(this.first);
    else return;
    this.first = 0;
  }
}
