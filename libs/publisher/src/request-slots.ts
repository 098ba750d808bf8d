import { Fifo } from './fifo.js';

/** Bounds how many requests are in flight; those that wait are let in by turns, in the order they came. */
export class RequestSlots {
  private readonly waiting = new Fifo<() => void>();

  constructor(private free: number) {}

  async acquire(): Promise<void> {
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}
