import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';
import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { DeliveryStores } from '../delivery-stores.js';
import { burstOf } from './rate.js';
import type { RoundRobin } from '../sending/round-robin.js';
import type { Sender } from '../sending/sender.js';

export interface TokenSupplyOptions {
  leaseTokens: DeliveryStores['leaseTokens'];
  clock: Clock;
  /** Of the monotonic clock. */
  alarms: AlarmClock;
  lines: DeliveryLog;
  line: RoundRobin<Sender>;
  /** Tokens have come, or an attempt to get some has failed. */
  onLeased(): void;
}

/** Leases tokens for subscriptions with a rate, when they have something to send and none left. */
export class TokenSupply {
  private asking = 0;

  constructor(private readonly options: TokenSupplyOptions) {}

  get isIdle(): boolean {
    return this.asking === 0;
  }

  /** The sender would send, had it a token. */
  want(sender: Sender): void {
    const { lease, rate } = sender.flow;
    const now = this.options.clock.monotonic();
    if (rate === null || !lease.isWanted(now)) return;
    if (lease.nextAskAt <= now) return void this.ask(sender);
    lease.waits();
    this.options.alarms.set(lease.nextAskAt, () => lease.isWaiting && void this.ask(sender));
  }

  private async ask(sender: Sender): Promise<void> {
    const { clock, lines, line } = this.options;
    sender.weighRate();
    const { flow, subscriptionId } = sender;
    flow.lease.asked();
    this.asking += 1;
    const askedAt = clock.monotonic();
    try {
      // The backlog that had a rate of its own may be drained by now.
      if (flow.rate === null) return flow.lease.granted({ tokens: 0, waitMs: 0, askedAt, now: askedAt });
      const request = { subscriptionId, rate: flow.rate, burst: burstOf(flow.rate), now: new Date(clock.now()) };
      const leased = await this.options.leaseTokens(request);
      flow.lease.granted({ ...leased, askedAt, now: clock.monotonic() });
    } catch (error) {
      flow.lease.refused(clock.monotonic());
      lines.warn('delivery.lease-failed', { subscription: sender.subscription.name, error: errorText(error) });
    } finally {
      this.asking -= 1;
      line.add(sender);
      this.options.onLeased();
    }
  }
}
