/** Something to be done at a time in unix milliseconds. */
export interface Due {
  readonly at: number;
}

/** A binary heap with the earliest time on top: O(log n) to add and to take. Ties come in no particular order. */
export class DueHeap<T extends Due> {
  private readonly items: T[] = [];

  get size(): number {
    return this.items.length;
  }

  /** The time of the earliest item; Infinity when there is none. */
  get nextAt(): number {
    return this.items[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  push(item: T): void {
    const { items } = this;
    let hole = items.length;
    items.push(item);
    while (hole > 0) {
      const parentIndex = (hole - 1) >> 1;
      const parent = items[parentIndex];
      if (parent === undefined || parent.at <= item.at) break;
      items[hole] = parent;
      hole = parentIndex;
    }
    items[hole] = item;
  }

  /** Takes the earliest item when its time has come. */
  popDue(now: number): T | undefined {
    const top = this.items[0];
    if (top === undefined || top.at > now) return undefined;
    const last = this.items.pop();
    if (last !== undefined && this.items.length > 0) this.sink(last);
    return top;
  }

  private sink(item: T): void {
    const { items } = this;
    let hole = 0;
    for (;;) {
      const childIndex = this.earlierChild(hole);
      const child = items[childIndex];
      if (child === undefined || child.at >= item.at) break;
      items[hole] = child;
      hole = childIndex;
    }
    items[hole] = item;
  }

  private earlierChild(index: number): number {
    const left = this.items[2 * index + 1];
    const right = this.items[2 * index + 2];
    return left !== undefined && right !== undefined && right.at < left.at ? 2 * index + 2 : 2 * index + 1;
  }
}
