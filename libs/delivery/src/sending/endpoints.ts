import { RoundRobin } from './round-robin.js';
import type { Endpoint, Sender } from './sender.js';

/** One for each origin that hooks of this worker's subscriptions are at. */
export class Endpoints {
  private readonly byOrigin = new Map<string, Endpoint>();

  get size(): number {
    return this.byOrigin.size;
  }

  of(url: string): Endpoint {
    const { origin } = new URL(url);
    const known = this.byOrigin.get(origin);
    if (known) return known;
    const endpoint: Endpoint = { origin, inFlight: 0, waiting: new RoundRobin<Sender>() };
    this.byOrigin.set(origin, endpoint);
    return endpoint;
  }

  /** Forgets those that no sender is at any more, unless requests are under way: those still bound what a new one may send. */
  forgetUnused(senders: Iterable<Pick<Sender, 'endpoint'>>): void {
    const used = new Set<Endpoint>();
    for (const { endpoint } of senders) used.add(endpoint);
    for (const [origin, endpoint] of this.byOrigin)
      if (endpoint.inFlight === 0 && !used.has(endpoint)) this.byOrigin.delete(origin);
  }
}
