/** Milliseconds for which a stream counts as contended after it was seen to be. */
const rememberedMs = 60_000;

/**
 * The streams to which other processes append at the same moment. Two statements that meet there cost one of them a
 * refusal and another try; a lock that is taken first costs a statement each time. So it is taken where they meet.
 */
export class Contention {
  private readonly until = new Map<number, number>();

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  noticed(streamIds: Iterable<number>): void {
    const until = this.now() + rememberedMs;
    for (const streamId of streamIds) this.until.set(streamId, until);
  }

  isContended(streamId: number): boolean {
    const until = this.until.get(streamId);
    if (until === undefined) return false;
    if (this.now() < until) return true;
    this.until.delete(streamId);
    return false;
  }
}
