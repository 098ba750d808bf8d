import type { AppendRequest } from './append-request.js';

export interface BatchLimits {
  events: number;
  bytes: number;
}

/** Publish requests that wait for the next flush: first come, first served. */
export class AppendQueue<R extends AppendRequest> {
  private waiting: R[] = [];

  get length(): number {
    return this.waiting.length;
  }

  push(request: R): void {
    this.waiting.push(request);
  }

  /** Puts requests back to the front. */
  putBack(requests: readonly R[]): void {
    if (requests.length > 0) this.waiting = [...requests, ...this.waiting];
  }

  /** The next batch: as many requests as the limits hold, and at least one. */
  take(limits: BatchLimits): R[] {
    let events = 0;
    let bytes = 0;
    const end = this.waiting.findIndex((request, index) => {
      events += request.items.length;
      bytes += request.bytes;
      return index > 0 && (events > limits.events || bytes > limits.bytes);
    });
    return this.waiting.splice(0, end === -1 ? this.waiting.length : end);
  }

  takeAll(): R[] {
    return this.waiting.splice(0);
  }
}
