import type { DeliverySubscription } from '@hookcast/delivery';
import { burstOf } from '../../libs/delivery/src/flow/rate.js';

/** Milliseconds that a worker may keep the tokens that it has leased, from when it asked for them. */
const leaseMs = 1_000;

interface Lease {
  at: number;
  tokens: number;
  /** Statements arrive long after their worker has given them up: it has no tokens of those. */
  isReceived: boolean;
  isUsed: boolean;
}

/** Holds what was sent to a subscription, by all workers together, against its rate. */
export class RateJudge {
  private readonly sentAt = new Map<DeliverySubscription['id'], number[]>();
  private readonly rates = new Map<DeliverySubscription['id'], number>();
  /** Worker and subscription → tokens that it took out of the bucket, and when. */
  private readonly leases = new Map<string, Lease[]>();

  constructor(private readonly accuse: (what: string) => void) {}

  /** @returns tells that the worker has got them */
  leased(workerId: string, id: DeliverySubscription['id'], taken: { tokens: number; at: number }): () => void {
    const name = `${workerId}/${id}`;
    const lease = { ...taken, isReceived: false, isUsed: false };
    this.leases.set(name, [...(this.leases.get(name) ?? []), lease]);
    return () => {
      lease.isReceived = true;
    };
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
    const leases = this.leases.get(name) ?? [];
    let missing = count;
    for (const lease of leases) {
      const isOver = lease.at <= at - leaseMs;
      const spent = Math.min(isOver ? this.outlasting(lease, leases) : lease.tokens, missing);
      lease.tokens = isOver ? 0 : lease.tokens - spent;
      lease.isUsed ||= spent > 0;
      missing -= spent;
    }
    this.leases.set(
      name,
      leases.filter(({ tokens, isReceived }) => tokens > 0 || !isReceived),
    );
    if (missing > 0) this.accuse(`${name} sends ${missing} events without a token that still counts`);
  }

  /** One token of the last lease that came counts for as long as its sender waits for its first turn: see TokenLease. */
  private outlasting(lease: Lease, leases: readonly Lease[]): number {
    const last = leases.findLast(({ isReceived }) => isReceived);
    return lease === last && !lease.isUsed ? Math.min(lease.tokens, 1) : 0;
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
