import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { LogReader, type StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { defaultLimit, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.js';
import { matchesAny } from '../topics/topic-creation.js';
import {
  attemptsOf,
  deliveryFacts,
  findDeadLetter,
  type DeliveryFacts,
  type DeliveryKey,
} from './delivery-facts-store.js';
import { listDeliveries, streamsOf } from './delivery-lists-store.js';
import { decodeBefore, encodeBefore, firstPage, takePage } from './delivery-page.js';
import { deliveryState, type DeliveryState } from './delivery-status.js';
import {
  attemptCount,
  toAttemptResponse,
  toDeliveryResponse,
  type DeliveryDetailResponse,
  type DeliveryQuery,
  type DeliveryResponse,
} from './delivery.dto.js';
import { redeliver } from './redelivery-store.js';

@Injectable()
export class DeliveriesService {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly reader: LogReader,
    private readonly subscriptions: SubscriptionsService,
  ) {}

  async list(name: string, query: DeliveryQuery): Promise<Page<DeliveryResponse>> {
    const subscription = await this.subscriptions.find(name);
    return query.event === undefined ? this.page(subscription, query) : this.ofEvent(subscription, query.event, query);
  }

  async get(name: string, eventId: string): Promise<DeliveryDetailResponse> {
    const subscription = await this.subscriptions.find(name);
    const facts = await this.find(subscription, eventId);
    const attempts = await attemptsOf(this.pool, facts);
    return Object.assign(this.response(subscription, facts), { attempts: attempts.map(toAttemptResponse) });
  }

  /** Sends a delivery again now, whatever became of it; one that waits for its first attempt just goes on waiting. */
  async retry(name: string, eventId: string): Promise<DeliveryResponse> {
    const subscription = await this.subscriptions.find(name);
    const facts = await this.find(subscription, eventId);
    if (isUntried(facts)) return this.response(subscription, facts);
    if (facts.eventAt === undefined) throw new Problem('event-gone');
    await redeliver(this.pool, { ...facts, eventAt: facts.eventAt, attempts: attemptCount(facts) });
    const [now] = await deliveryFacts(this.pool, [facts]);
    return this.response(subscription, now ?? facts);
  }

  state(facts: DeliveryFacts, subscription: Pick<Subscription, 'createdAt'>): DeliveryState {
    const recordsSuccesses = this.runtime.config.attemptLog === 'all';
    return deliveryState(facts, { createdAt: subscription.createdAt, recordsSuccesses });
  }

  private async page(subscription: Subscription, query: DeliveryQuery): Promise<Page<DeliveryResponse>> {
    const { limit = defaultLimit, cursor, status = 'all' } = query;
    const streamIds = await streamsOf(this.pool, subscription.id);
    const before = cursor === undefined ? firstPage(streamIds) : decodeBefore(cursor, streamIds);
    if (!before) throw invalid([{ pointer: '/cursor', detail: 'is not a cursor of this list' }]);
    const found = await listDeliveries(this.pool, status, {
      subscriptionId: subscription.id,
      before,
      limit: limit + 1,
    });
    const { taken, next } = takePage(found, before, limit);
    const facts = await deliveryFacts(
      this.pool,
      taken.map(({ streamId, seq }) => ({ streamId, seq, subscriptionId: subscription.id })),
    );
    return {
      items: facts.map((one) => this.response(subscription, one)),
      nextCursor: next && encodeBefore(next),
    };
  }

  private async ofEvent(
    subscription: Subscription,
    eventId: string,
    { status }: DeliveryQuery,
  ): Promise<Page<DeliveryResponse>> {
    const keys = await this.keysOf(subscription, eventId);
    const facts = keys.length === 0 ? [] : await deliveryFacts(this.pool, keys);
    const items = facts.map((one) => this.response(subscription, one));
    return { items: items.filter((one) => status === undefined || one.status === status), nextCursor: null };
  }

  private async find(subscription: Subscription, eventId: string): Promise<DeliveryFacts> {
    const keys = await this.keysOf(subscription, eventId);
    const [facts] = keys.length === 0 ? [] : await deliveryFacts(this.pool, keys);
    if (facts) return facts;
    const detail = `Subscription "${subscription.name}" has no delivery of event "${eventId}".`;
    throw new Problem('delivery-not-found', { detail });
  }

  /** Newest first; more than one only when several matching topics hold an event of that id. */
  private async keysOf(subscription: Subscription, eventId: string): Promise<DeliveryKey[]> {
    const events = await this.reader.find(eventId);
    const matching = events.filter(({ topic }) => matchesAny(subscription.topics, topic)).toSorted(newestFirst);
    if (matching.length > 0) {
      return matching.map(({ streamId, seq }) => ({ streamId, seq, subscriptionId: subscription.id }));
    }
    const buried = await findDeadLetter(this.pool, subscription.id, eventId);
    return buried ? [buried] : [];
  }

  private response(subscription: Subscription, facts: DeliveryFacts): DeliveryResponse {
    return toDeliveryResponse(subscription.name, facts, this.state(facts, subscription));
  }
}

export function newestFirst(a: StoredEvent, b: StoredEvent): number {
  return b.createdAt.getTime() - a.createdAt.getTime();
}

/** It is in front of its cursor: the worker comes to it by itself. */
function isUntried({ retry, dead, settled }: DeliveryFacts): boolean {
  return retry === undefined && dead === undefined && settled === false;
}
