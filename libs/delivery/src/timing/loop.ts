export interface LoopOptions<T> {
  /** The pause, or how it follows from what a run has done. */
  everyMs: number | ((result: T) => number);
  /** After a run that failed. */
  retryMs: number;
  /** @param failures how many runs have failed in a row */
  onError: (error: unknown, failures: number) => void;
}

/** Repeats work with a pause after each run. */
export class Loop<T = unknown> {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private isStarted = false;
  private isNudged = false;
  private failures = 0;

  constructor(
    private readonly work: () => Promise<T>,
    private readonly options: LoopOptions<T>,
  ) {}

  start(): void {
    this.isStarted = true;
    this.run();
  }

  /** Runs at once, or once more after the run under way. */
  nudge(): void {
    if (!this.isStarted) return;
    if (this.running) this.isNudged = true;
    else this.run();
  }

  /** Waits for the run under way. */
  async stop(): Promise<void> {
    this.isStarted = false;
    clearTimeout(this.timer);
    await this.running;
  }

  private run(): void {
    clearTimeout(this.timer);
    this.isNudged = false;
    this.running = this.once().then((waitMs) => {
      this.running = undefined;
      if (!this.isStarted) return;
      if (this.isNudged) this.run();
      else this.timer = setTimeout(() => this.run(), waitMs);
    });
  }

  private async once(): Promise<number> {
    try {
      const result = await this.work();
      this.failures = 0;
      const { everyMs } = this.options;
      return typeof everyMs === 'number' ? everyMs : everyMs(result);
    } catch (error) {
      this.failures += 1;
      this.options.onError(error, this.failures);
      return this.options.retryMs;
    }
  }
}
