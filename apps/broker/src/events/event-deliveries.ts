import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { DeliveryHistory, type DeliverySummary } from '@hookcast/delivery';
import type { StoredEvent } from '@hookcast/log';
import { Repository } from 'typeorm';
import { defaultNamespace } from '../control/control-plane.js';
import { progressOf, reasonOf } from '../deliveries/delivery.dto.js';
import { matchesAny } from '../topics/topic-creation.js';
import type { EventDelivery } from './event.dto.js';

/** What became of one event, for every subscription there is: anybody can see why. */
@Injectable()
export class EventDeliveries {
  constructor(
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
    private readonly history: DeliveryHistory,
  ) {}

  async of(event: StoredEvent): Promise<EventDelivery[]> {
    const [all, summaries] = await Promise.all([
      this.subscriptions.find({ where: { namespace: defaultNamespace }, order: { name: 'asc' } }),
      this.history.summaries([event]),
    ]);
    const byId = new Map(summaries.map((summary) => [summary.subscriptionId, summary]));
    return all.map((subscription) => eventDelivery(subscription, event.topic, byId.get(subscription.id)));
  }
}

function eventDelivery(subscription: Subscription, topic: string, summary: DeliverySummary | undefined): EventDelivery {
  if (summary && matchesAny(subscription.topics, topic)) {
    const reason = withSubscriptionState(reasonOf(summary), subscription, summary);
    return { subscription: subscription.name, matched: true, status: summary.state, reason, ...progressOf(summary) };
  }
  return {
    subscription: subscription.name,
    matched: false,
    status: null,
    reason: `none of its patterns (${subscription.topics.join(', ')}) matches ${topic}`,
    attemptCount: 0,
    lastAttemptAt: null,
    lastStatus: null,
    lastError: null,
    nextAttemptAt: null,
  };
}

/** What waits, waits longer while its subscription is not active. */
function withSubscriptionState(reason: string, subscription: Subscription, { state }: DeliverySummary): string {
  if (subscription.state === 'active' || (state !== 'pending' && state !== 'retrying')) return reason;
  const why = subscription.stateReason === null ? '' : ` (${subscription.stateReason})`;
  return `${reason}; the subscription is ${subscription.state}${why}`;
}
