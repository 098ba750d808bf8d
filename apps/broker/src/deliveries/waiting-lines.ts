import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { failingDeliveries, LineHeads, type DeliverySummary, type FailingDelivery } from '@hookcast/delivery';
import type pg from 'pg';
import { DATA_POOL } from '../runtime.js';

/** What a delivery waits behind for the sake of order, if anything. */
export type BlockerOf = (delivery: DeliverySummary) => FailingDelivery | undefined;

/** Which deliveries wait for a failing one of their key, or under `strict` of their stream. */
@Injectable()
export class WaitingLines {
  constructor(@Inject(DATA_POOL) private readonly pool: pg.Pool) {}

  async of(
    deliveries: readonly DeliverySummary[],
    subscriptions: readonly Pick<Subscription, 'id' | 'ordering'>[],
  ): Promise<BlockerOf> {
    const ordered = new Map(subscriptions.filter(({ ordering }) => ordering !== 'none').map((one) => [one.id, one]));
    const waiting = deliveries.filter((one) => one.state === 'pending' && ordered.has(one.subscriptionId));
    const ids = [...new Set(waiting.map(({ subscriptionId }) => subscriptionId))];
    const streamIds = [...new Set(waiting.map(({ streamId }) => streamId))];
    const failing = await failingDeliveries(this.pool, ids, streamIds);
    const heads = new Map(
      ids.map((id) => [
        id,
        new LineHeads(
          ordered.get(id)?.ordering ?? 'none',
          failing.filter(({ subscriptionId }) => subscriptionId === id),
        ),
      ]),
    );
    const waits = new Set(waiting);
    return (one) => (waits.has(one) ? heads.get(one.subscriptionId)?.blockerOf(one) : undefined);
  }
}
