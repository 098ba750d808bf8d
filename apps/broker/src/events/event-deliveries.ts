import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { Repository } from 'typeorm';
import { defaultNamespace } from '../control/control-plane.js';
import { DeliveriesService } from '../deliveries/deliveries.service.js';
import { deliveryFacts } from '../deliveries/delivery-facts-store.js';
import { toDeliveryResponse } from '../deliveries/delivery.dto.js';
import { DATA_POOL } from '../runtime.js';
import { matchesAny } from '../topics/topic-creation.js';
import type { EventDelivery } from './event.dto.js';

/** What became of one event, for every subscription there is: anybody can see why. */
@Injectable()
export class EventDeliveries {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
    private readonly deliveries: DeliveriesService,
  ) {}

  async of(event: StoredEvent): Promise<EventDelivery[]> {
    const all = await this.subscriptions.find({ where: { namespace: defaultNamespace }, order: { name: 'asc' } });
    const matching = all.filter(({ topics }) => matchesAny(topics, event.topic));
    const keys = matching.map(({ id }) => ({ subscriptionId: id, streamId: event.streamId, seq: event.seq }));
    const facts = keys.length === 0 ? [] : await deliveryFacts(this.pool, keys);
    return all.map((subscription) => {
      const found = facts.find(({ subscriptionId }) => subscriptionId === subscription.id);
      if (!found) return unmatched(subscription, event.topic);
      const state = this.deliveries.state(found, subscription);
      const summary = toDeliveryResponse(subscription.name, found, state);
      return { ...pick(summary), matched: true, reason: withState(summary.reason, subscription, summary.status) };
    });
  }
}

function unmatched({ name, topics }: Subscription, topic: string): EventDelivery {
  return {
    subscription: name,
    matched: false,
    status: null,
    reason: `none of its patterns (${topics.join(', ')}) matches ${topic}`,
    attemptCount: 0,
    lastAttemptAt: null,
    lastStatus: null,
    lastError: null,
    nextAttemptAt: null,
  };
}

function pick(summary: ReturnType<typeof toDeliveryResponse>): Omit<EventDelivery, 'matched'> {
  const { subscription, status, reason, attemptCount, lastAttemptAt, lastStatus, lastError, nextAttemptAt } = summary;
  return { subscription, status, reason, attemptCount, lastAttemptAt, lastStatus, lastError, nextAttemptAt };
}

/** What waits, waits longer while its subscription is not active. */
function withState(reason: string, { state, stateReason }: Subscription, status: string): string {
  if (state === 'active' || (status !== 'pending' && status !== 'retrying')) return reason;
  return `${reason}; the subscription is ${state}${stateReason === null ? '' : ` (${stateReason})`}`;
}
