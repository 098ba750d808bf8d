import type { HookResponse } from '@hookcast/egress';
import type { Delivery } from '../delivery.js';
import type { DeliveryLog } from '../delivery-log.js';
import type { Outcome } from './outcome.js';
import type { StatsRecorder } from '../history/stats-recorder.js';

export interface AttemptCounts {
  delivered: number;
  retried: number;
  dead: number;
  dropped: number;
  suspended: number;
  /** Failed because the endpoint is down: they count for nothing. */
  parked: number;
}

/** What became of an attempt, as it is told: `parked` says that its delivery goes on as if it had not been tried. */
export type ReportedOutcome = Outcome | { kind: 'parked'; error: string };

/** What a request came to for one of its deliveries, as it is told. */
export interface Reported {
  delivery: Delivery;
  outcome: ReportedOutcome;
}

const counted = {
  delivered: 'delivered',
  retry: 'retried',
  dead: 'dead',
  dropped: 'dropped',
  suspend: 'suspended',
  parked: 'parked',
} as const satisfies Record<ReportedOutcome['kind'], keyof AttemptCounts>;

/** What was added to the counts. */
export function countsSince(before: AttemptCounts, after: AttemptCounts): AttemptCounts {
  return {
    delivered: after.delivered - before.delivered,
    retried: after.retried - before.retried,
    dead: after.dead - before.dead,
    dropped: after.dropped - before.dropped,
    suspended: after.suspended - before.suspended,
    parked: after.parked - before.parked,
  };
}

/**
 * Tells of every attempt: one line in the log, one count in the statistics. Of a batch one line, and one for each event
 * that did not come through.
 */
export class AttemptReport {
  readonly counts: AttemptCounts = { delivered: 0, retried: 0, dead: 0, dropped: 0, suspended: 0, parked: 0 };

  constructor(
    private readonly lines: DeliveryLog,
    private readonly stats: StatsRecorder,
  ) {}

  attempted(response: HookResponse, conclusions: readonly Reported[], now: number): void {
    if (conclusions.length > 1) this.writeBatch(response, conclusions);
    for (const conclusion of conclusions) {
      const { delivery, outcome } = conclusion;
      this.counts[counted[outcome.kind]] += 1;
      const { durationMs } = response;
      this.stats.count({ subscriptionId: delivery.sender.subscriptionId, outcome: outcome.kind, durationMs, now });
      if (conclusions.length === 1 || outcome.kind !== 'delivered') this.write(response, conclusion);
    }
  }

  private write(response: HookResponse, { delivery, outcome }: Reported): void {
    const { sender, event, attempt } = delivery;
    this.lines.info('delivery.attempted', {
      eventId: event.stored.id,
      position: event.position,
      topic: event.stored.topic,
      subscription: sender.subscription.name,
      attempt,
      outcome: outcome.kind,
      ...answerOf(response),
      ...failure(response, outcome),
    });
  }

  private writeBatch(response: HookResponse, conclusions: readonly Reported[]): void {
    const first = conclusions[0]?.delivery;
    const last = conclusions.at(-1)?.delivery;
    this.lines.info('delivery.batch-attempted', {
      firstEventId: first?.event.stored.id,
      position: first?.event.position,
      lastPosition: last?.event.position,
      topic: first?.event.stored.topic,
      subscription: first?.sender.subscription.name,
      events: conclusions.length,
      delivered: conclusions.filter(({ outcome }) => outcome.kind === 'delivered').length,
      ...answerOf(response),
    });
  }
}

const answerOf = (response: HookResponse): Record<string, unknown> => ({
  status: response.kind === 'answered' ? response.status : undefined,
  durationMs: Math.round(response.durationMs * 10) / 10,
});

/** What only a failed attempt has to tell. */
function failure(response: HookResponse, outcome: ReportedOutcome): Record<string, unknown> | undefined {
  if (outcome.kind === 'delivered' || outcome.kind === 'dropped') return undefined;
  return {
    error: outcome.error,
    cause: response.kind === 'failed' ? response.log : undefined,
    retryAt: outcome.kind === 'retry' ? new Date(outcome.at).toISOString() : undefined,
    reason: 'reason' in outcome ? outcome.reason : undefined,
  };
}
