import type { FilterVerdict } from '@hookcast/filter';
import type { DeliveryLog } from '../delivery-log.js';
import type { Delivery } from '../delivery.js';
import type { StatsRecorder } from '../history/stats-recorder.js';
import type { Sender } from '../sending/sender.js';

/** One line per subscription within this time, however many events its filter fails on. */
const quietMs = 60_000;

/** Counts what filters keep back, and tells of those that fail on events. */
export class FilterReport {
  /** Since the worker began: events kept back, those with an evaluation error included. */
  readonly counts = { filtered: 0, errors: 0 };
  private readonly failing = new WeakMap<Sender, { saidAt: number; unsaid: number }>();

  constructor(
    private readonly lines: DeliveryLog,
    private readonly stats: Pick<StatsRecorder, 'countFilterError'>,
  ) {}

  keptBack({ sender, event }: Delivery, verdict: FilterVerdict, now: number): void {
    this.counts.filtered += 1;
    if (verdict.kind !== 'error') return;
    this.counts.errors += 1;
    this.stats.countFilterError(sender.subscriptionId, now);
    const known = this.failing.get(sender);
    if (known !== undefined && now - known.saidAt < quietMs) {
      known.unsaid += 1;
      return;
    }
    this.failing.set(sender, { saidAt: now, unsaid: 0 });
    this.lines.warn('delivery.filter-error', {
      subscription: sender.subscription.name,
      eventId: event.stored.id,
      detail: verdict.detail,
      errorsBefore: known?.unsaid ?? 0,
    });
  }
}
