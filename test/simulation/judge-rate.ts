import type { DeliverySubscription } from '@hookcast/delivery';
import { burstOf } from '../../libs/delivery/src/flow/rate.js';

/** Milliseconds that a worker may keep the tokens that it has leased, from when it asked for them. */
const leaseMs = 1_000;

/** Holds what was sent to a subscription, by all workers together, against its rate. */
export class RateJudge {
  private readonly sentAt = new Map<DeliverySubscription['id'], number[]>();
  private readonly rates = new Map<DeliverySubscription['id'], number>();
  /** Worker and subscription → tokens that it took out of the bucket, and when. */
  private readonly leases = new Map<string, { at: number; tokens: number }[]>();

  constructor(private readonly accuse: (what: string) => void) {}

  leased(workerId: string, id: DeliverySubscription['id'], lease: { tokens: number; at: number }): void {
    const name = `${workerId}/${id}`;
    this.leases.set(name, [...(this.leases.get(name) ?? []), { ...lease }]);
  }

  sent(workerId: string, { id, rateLimit }: DeliverySubscription, events: { count: number; at: number }): void {
    if (rateLimit === undefined || rateLimit === null) return;
    this.spend(`${workerId}/${id}`, events);
    this.rates.set(id, rateLimit);
    const known = this.sentAt.get(id) ?? [];
    this.sentAt.set(id, known);
    for (let index = 0; index < events.count; index += 1) known.push(events.at);
  }

  private spend(name: string, { count, at }: { count: number; at: number }): void {
    const valid = (this.leases.get(name) ?? []).filter((lease) => lease.tokens > 0 && lease.at > at - leaseMs);
    this.leases.set(name, valid);
    let missing = count;
    for (const lease of valid) {
      const spent = Math.min(lease.tokens, missing);
      lease.tokens -= spent;
      missing -= spent;
    }
    if (missing > 0) this.accuse(`${name} sends ${missing} events without a token that still counts`);
  }

  /** In no stretch of time was more sent than the bucket gave in it and in the time of a lease before it. */
  end(): void {
    for (const [id, times] of this.sentAt) {
      const rate = this.rates.get(id) ?? 0;
      const burst = burstOf(rate);
      const excess = times.flatMap((from, first) =>
        times.slice(first).map((to, more) => more + 1 - burst - (rate * (to - from + leaseMs)) / 1_000),
      );
      const worst = excess.reduce((most, each) => Math.max(most, each), 0);
      if (worst > 1) this.accuse(`${Math.ceil(worst)} events too many for the rate ${rate} of ${id}`);
    }
  }
}
