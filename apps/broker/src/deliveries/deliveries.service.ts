import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { DeliveryHistory, requestRedelivery, type DeliverySummary, type ListPlace } from '@hookcast/delivery';
import { LogReader, type EventKey } from '@hookcast/log';
import type pg from 'pg';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import type { Asking } from '../repetition/asking.js';
import { Repetitions } from '../repetition/repetitions.js';
import { DATA_POOL } from '../runtime.js';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.js';
import { matchesAny } from '../topics/topic-creation.js';
import { findBuried } from './buried-delivery-store.js';
import {
  listedStates,
  toAttemptResponse,
  toDeliveryResponse,
  type DeliveryDetailResponse,
  type DeliveryQuery,
  type DeliveryResponse,
  type RetriedDeliveryResponse,
} from './delivery.dto.js';
import { redeliveryOrder } from './redelivery-order.js';
import { WaitingLines } from './waiting-lines.js';

@Injectable()
export class DeliveriesService {
  @Inject(WaitingLines) private readonly lines!: WaitingLines;
  @Inject(Repetitions) private readonly repetitions!: Repetitions;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    private readonly reader: LogReader,
    private readonly subscriptions: SubscriptionsService,
    private readonly history: DeliveryHistory,
  ) {}

  async list(name: string, query: DeliveryQuery): Promise<Page<DeliveryResponse>> {
    const subscription = await this.subscriptions.find(name);
    return query.event === undefined
      ? this.page(subscription, query)
      : this.ofEvent(subscription, query.event, query.status);
  }

  async get(name: string, eventId: string): Promise<DeliveryDetailResponse> {
    const subscription = await this.subscriptions.find(name);
    const summary = await this.find(subscription, eventId);
    const attempts = await this.history.attempts(summary);
    return Object.assign(await this.response(subscription, summary), { attempts: attempts.map(toAttemptResponse) });
  }

  /**
   * Sends a delivery again now, whatever became of it; one that waits for its first attempt just goes on waiting. The
   * answer says what becomes of its order.
   *
   * @throws Problem subscription-not-found, delivery-not-found or idempotency-key-conflict
   */
  async retry(name: string, eventId: string, asking: Asking): Promise<RetriedDeliveryResponse> {
    return this.repetitions.once(asking, async () => this.sendAgain(name, eventId));
  }

  private async sendAgain(name: string, eventId: string): Promise<RetriedDeliveryResponse> {
    const subscription = await this.subscriptions.find(name);
    const summary = await this.find(subscription, eventId);
    const result = await requestRedelivery(this.pool, summary);
    const response = await this.response(subscription, await this.find(subscription, eventId));
    return Object.assign(response, redeliveryOrder(subscription, summary, result));
  }

  private async page(subscription: Subscription, query: DeliveryQuery): Promise<Page<DeliveryResponse>> {
    const { limit = defaultLimit, cursor, status } = query;
    const after = placeOf(cursor);
    const wanted = status === undefined ? listedStates : [status];
    const lists = await Promise.all(
      wanted.map(async (state) =>
        this.history.list({ subscriptionId: subscription.id, state, limit: limit + 1, ...(after && { after }) }),
      ),
    );
    // Every list is in the same order, so the first of all of them together are the first of the merged list.
    const page = pageOf(lists.flat().toSorted(byPlace), limit, ({ eventAt, streamId, seq }) => [
      eventAt.getTime(),
      streamId,
      seq,
    ]);
    return { items: await this.responses(subscription, page.items), nextCursor: page.nextCursor };
  }

  private async ofEvent(
    subscription: Subscription,
    eventId: string,
    status: DeliveryQuery['status'],
  ): Promise<Page<DeliveryResponse>> {
    const found = await this.summaries(subscription, eventId);
    const wanted = found.filter(({ state }) => status === undefined || state === status);
    return { items: await this.responses(subscription, wanted), nextCursor: null };
  }

  private async responses(
    subscription: Subscription,
    deliveries: readonly DeliverySummary[],
  ): Promise<DeliveryResponse[]> {
    const blockerOf = await this.lines.of(deliveries, [subscription]);
    return deliveries.map((one) => toDeliveryResponse(subscription, one, blockerOf(one)));
  }

  private async response(subscription: Subscription, delivery: DeliverySummary): Promise<DeliveryResponse> {
    const blockerOf = await this.lines.of([delivery], [subscription]);
    return toDeliveryResponse(subscription, delivery, blockerOf(delivery));
  }

  private async find(subscription: Subscription, eventId: string): Promise<DeliverySummary> {
    const [newest] = await this.summaries(subscription, eventId);
    if (newest) return newest;
    const detail = `Subscription "${subscription.name}" has no delivery of event "${eventId}".`;
    throw new Problem('delivery-not-found', { detail });
  }

  /** Newest first; more than one only when several matching topics hold an event of that id. */
  private async summaries(subscription: Subscription, eventId: string): Promise<DeliverySummary[]> {
    const events = await this.reader.find(eventId, subscription.namespace);
    const matching: EventKey[] = events.filter(({ topic }) => matchesAny(subscription.topics, topic));
    const buried = matching.length > 0 ? undefined : await findBuried(this.pool, subscription.id, eventId);
    const keys = buried ? [buried] : matching;
    return keys.length === 0 ? [] : this.history.summaries(keys, subscription.id);
  }
}

function placeOf(cursor: string | undefined): ListPlace | undefined {
  const key = cursorKey(cursor, ['time', 'int', 'bigint']);
  if (!key) return undefined;
  const [at = 0, streamId = 0, seq = 0] = key.map(Number);
  return { at: new Date(at), streamId, seq };
}

/** The order of DeliveryHistory.list: newest event first. */
function byPlace(a: DeliverySummary, b: DeliverySummary): number {
  return b.eventAt.getTime() - a.eventAt.getTime() || a.streamId - b.streamId || b.seq - a.seq;
}
