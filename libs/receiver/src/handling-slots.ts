/** Bounds how many events are handled at once, over all requests; the others wait in line. */
export class HandlingSlots {
  private free: number;
  private readonly waiting = new Set<(hasSlot: boolean) => void>();

  /**
   * @param limit events at once
   * @param maxWaitMs how long an event may wait
   * @throws {RangeError} when the limit is none
   */
  constructor(
    limit: number,
    private readonly maxWaitMs: number,
  ) {
    if (!(limit >= 1)) throw new RangeError(`concurrency must be at least 1, not ${limit}`);
    this.free = limit;
  }

  /** Runs the work once there is room; `full` when there was none in time, and the work was not begun. */
  async run<T>(work: () => Promise<T>): Promise<T | 'full'> {
    if (!(await this.enter())) return 'full';
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<boolean> {
    if (this.free > 0) {
      this.free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const settle = (hasSlot: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(settle);
        resolve(hasSlot);
      };
      const timer = setTimeout(() => settle(false), this.maxWaitMs);
      this.waiting.add(settle);
    });
  }

  /** Hands the slot to the one who has waited longest. */
  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) this.free += 1;
    else next(true);
  }
}
