import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { DeliveryStores } from '../delivery-stores.js';
import type { Outcome } from '../outcome/outcome.js';
import type { Sender } from '../sending/sender.js';
import type { Clock } from '../timing/clock.js';

export interface FailureWatchOptions {
  stores: Pick<DeliveryStores, 'failingSince'>;
  clock: Pick<Clock, 'now'>;
  lines: DeliveryLog;
  /** Milliseconds without a success after which a subscription that fails is suspended; 0 for never. */
  suspendAfterMs: number;
  onHopeless(sender: Sender): void;
}

/** Milliseconds until the database is asked again since when a subscription fails. */
const askEveryMs = 3_600_000;

/**
 * Finds subscriptions whose every attempt has failed for too long, though no breaker opens: since few events come, or
 * since the hook answers each with a refusal. What the minutes of all workers say counts, so neither a restart nor a
 * success elsewhere is overlooked. It looks when an attempt fails: a hook that gets no events is left alone.
 */
export class FailureWatch {
  constructor(private readonly options: FailureWatchOptions) {}

  note(sender: Sender, outcome: Outcome): void {
    const { suspendAfterMs, clock } = this.options;
    if (suspendAfterMs === 0) return;
    const { flow } = sender;
    // Before that there is nothing to ask: the last success is not so long ago.
    if (outcome.kind === 'delivered' || outcome.kind === 'dropped') flow.trustedUntil = clock.now() + suspendAfterMs;
    else if (isFailure(outcome) && clock.now() >= flow.trustedUntil) void this.ask(sender);
  }

  private async ask(sender: Sender): Promise<void> {
    const { stores, clock, lines, suspendAfterMs } = this.options;
    const { id, name, retry } = sender.subscription;
    sender.flow.trustedUntil = clock.now() + Math.min(askEveryMs, suspendAfterMs);
    try {
      const since = await stores.failingSince(id, { withDead: retry.schedule.length === 0 });
      const isTooLong = since !== undefined && clock.now() - since >= suspendAfterMs;
      if (isTooLong && !sender.isClosed) this.options.onHopeless(sender);
    } catch (error) {
      lines.warn('delivery.failing-since-unknown', { subscription: name, error: errorText(error) });
    }
  }
}

/** What the hook gave up by a verdict, or by a status that is listed as one, is no fault of the endpoint. */
function isFailure(outcome: Outcome): boolean {
  return outcome.kind === 'retry' || (outcome.kind === 'dead' && outcome.reason === 'exhausted');
}
