interface Waiter {
  holds: () => boolean;
  resolve: () => void;
}

/** Waits for conditions over the worker's state, which are looked at whenever some of it has changed. */
export class Conditions {
  private waiters: Waiter[] = [];

  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => this.waiters.push({ holds, resolve }));
  }

  /** Something has changed. Free when nobody waits. */
  check(): void {
    if (this.waiters.length === 0) return;
    const met = this.waiters.filter(({ holds }) => holds());
    if (met.length === 0) return;
    this.waiters = this.waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve();
  }
}
