import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { DeliveryHistory, eventView, type DeliverySummary, type FailingDelivery } from '@hookcast/delivery';
import { compileFilter, type EventView } from '@hookcast/filter';
import type { StoredEvent } from '@hookcast/log';
import { Repository } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { progressOf, reasonOf } from '../deliveries/delivery.dto.js';
import { WaitingLines } from '../deliveries/waiting-lines.js';
import { matchesAny } from '../topics/topic-creation.js';
import type { EventDelivery } from './event.dto.js';

/** What became of one event, for every subscription there is: anybody can see why. */
@Injectable()
export class EventDeliveries {
  constructor(
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
    private readonly history: DeliveryHistory,
    private readonly lines: WaitingLines,
  ) {}

  async of(event: StoredEvent): Promise<EventDelivery[]> {
    const [all, summaries] = await Promise.all([
      this.subscriptions.find({ where: { namespace: callerNamespace() }, order: { name: 'asc' } }),
      this.history.summaries([event]),
    ]);
    const byId = new Map(summaries.map((summary) => [summary.subscriptionId, summary]));
    const blockerOf = await this.lines.of(summaries, all);
    const view = eventView(event);
    return all.map((subscription) => {
      const summary = byId.get(subscription.id);
      return eventDelivery(subscription, view, { summary, blocker: summary && blockerOf(summary) });
    });
  }
}

function eventDelivery(
  subscription: Subscription,
  view: EventView,
  { summary, blocker }: { summary: DeliverySummary | undefined; blocker: FailingDelivery | undefined },
): EventDelivery {
  const { topic } = view.event;
  if (!summary || !matchesAny(subscription.topics, topic)) {
    return unmatched(subscription, `none of its patterns (${subscription.topics.join(', ')}) matches ${topic}`);
  }
  const refusal = isFilterQuestion(summary) ? filterRefusal(subscription.filter, view) : undefined;
  if (refusal !== undefined) return unmatched(subscription, refusal);

  const reason = reasonOf(summary, subscription, blocker);
  return { subscription: subscription.name, matched: true, status: summary.state, reason, ...progressOf(summary) };
}

function unmatched(subscription: Subscription, reason: string): EventDelivery {
  return {
    subscription: subscription.name,
    matched: false,
    status: null,
    reason,
    attemptCount: 0,
    lastAttemptAt: null,
    lastStatus: null,
    lastError: null,
    nextAttemptAt: null,
  };
}

/** An event that was tried, waits or died was wanted, whatever the filter has become since. */
function isFilterQuestion({ state, attempts }: DeliverySummary): boolean {
  return attempts === 0 && (state === 'delivered' || state === 'unknown' || state === 'pending');
}

/** Why a filter keeps an event back, as its worker would judge it now. */
function filterRefusal(filter: string | null, view: EventView): string | undefined {
  if (filter === null) return undefined;
  const compiled = compileFilter(filter);
  if (compiled.kind === 'malformed') return undefined;
  const verdict = compiled.filter.matches(view);
  if (verdict.kind === 'match') return undefined;
  return verdict.kind === 'error' ? `filter: no match because ${verdict.detail}` : 'filter: no match';
}
