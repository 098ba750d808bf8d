/**
 * Which positions of a stream are settled: everything up to a low-water mark, and some ranges above it. It stays small
 * because at most as many holes exist as deliveries are under way.
 */
export class SettledRanges {
  private lowSeq: number;
  private lowTime: number;
  /** Disjoint, not adjacent, ascending; bounds inclusive. `lastTime` is the time of the event at `last`. */
  private readonly above: { first: number; last: number; lastTime: number }[] = [];

  /** @param at time of the event at `low` in unix milliseconds, or anything earlier; -Infinity when there is none */
  constructor(low: number, at: number) {
    this.lowSeq = low;
    this.lowTime = at;
  }

  /**
   * From the columns settled_seq, settled_at and above of a cursor. The times of the ranges are not stored; the
   * low-water mark's is a lower bound of them, which is all that reading needs.
   *
   * @param above Postgres text of an int8multirange, `{[5,8),[10,11)}`
   */
  static parse(low: number, at: number, above: string): SettledRanges {
    const ranges = new SettledRanges(low, at);
    for (const match of above.matchAll(/\[(\d+),(\d+)\)/g)) {
      ranges.addRange(Number(match[1]), Number(match[2]) - 1, at);
    }
    return ranges;
  }

  /** Everything at or below is settled. */
  get low(): number {
    return this.lowSeq;
  }

  /** A time not after the event that follows the low-water mark; day partitions before it need not be read. */
  get lowAt(): number {
    return this.lowTime;
  }

  /** The highest settled position. */
  get highest(): number {
    return this.above.at(-1)?.last ?? this.lowSeq;
  }

  has(seq: number): boolean {
    if (seq <= this.lowSeq) return true;
    const range = this.above[this.firstEndingAtOrAfter(seq)];
    return range !== undefined && range.first <= seq;
  }

  add(seq: number, at: number): void {
    this.addRange(seq, seq, at);
  }

  /** @param at time of the event at `last`, unix milliseconds */
  addRange(first: number, last: number, at: number): void {
    if (last <= this.lowSeq || first > last) return;
    if (first > this.lowSeq + 1) this.insert(first, last, at);
    else this.raise(last, at);
  }

  /** Postgres text of an int8multirange. */
  aboveText(): string {
    if (this.above.length === 0) return '{}';
    return `{${this.above.map(({ first, last }) => `[${first},${last + 1})`).join(',')}}`;
  }

  private raise(seq: number, at: number): void {
    this.lowSeq = seq;
    this.lowTime = Math.max(this.lowTime, at);
    let absorbed = 0;
    for (const range of this.above) {
      if (range.first > this.lowSeq + 1) break;
      absorbed += 1;
      if (range.last <= this.lowSeq) continue;
      this.lowSeq = range.last;
      this.lowTime = Math.max(this.lowTime, range.lastTime);
    }
    if (absorbed > 0) this.above.splice(0, absorbed);
  }

  /** Adds a range that does not touch the low-water mark and merges what it overlaps or touches. */
  private insert(first: number, last: number, lastTime: number): void {
    const from = this.firstEndingAtOrAfter(first - 1);
    const merged = { first, last, lastTime };
    let index = from;
    for (; index < this.above.length; index += 1) {
      const range = this.above[index];
      if (range === undefined || range.first > last + 1) break;
      merged.first = Math.min(merged.first, range.first);
      if (range.last > merged.last) Object.assign(merged, { last: range.last, lastTime: range.lastTime });
    }
    this.above.splice(from, index - from, merged);
  }

  private firstEndingAtOrAfter(seq: number): number {
    let low = 0;
    let high = this.above.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.above[middle]?.last ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
