import { ApiProperty } from '@nestjs/swagger';
import type { Subscription } from '@hookcast/database';
import { failingDeliveries, LineHeads, type FailingDelivery } from '@hookcast/delivery';
import { formatPosition } from '@hookcast/log';
import type pg from 'pg';

/** Keys that are shown of a subscription. */
const shown = 20;

export class BlockedKeyResponse {
  @ApiProperty({ type: String, nullable: true, description: 'Null under `strict`, where the whole stream waits.' })
  key!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The failing event; null when retention has dropped it.' })
  eventId!: string | null;

  @ApiProperty({ type: String })
  position!: string;

  @ApiProperty({ type: Number, description: 'Attempts of it so far.' })
  attemptCount!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  nextAttemptAt!: string;

  @ApiProperty({ type: String, nullable: true })
  lastError!: string | null;
}

/**
 * The keys of each subscription that a failing event holds back, oldest event first. Bounded: 20 a subscription, found
 * among the first 200 failing deliveries of each stream.
 */
export async function blockedKeys(
  pool: pg.Pool,
  subscriptions: readonly Pick<Subscription, 'id' | 'ordering'>[],
): Promise<Map<number, BlockedKeyResponse[]>> {
  const ordered = subscriptions.filter(({ ordering }) => ordering !== 'none');
  const failing = await failingDeliveries(
    pool,
    ordered.map(({ id }) => id),
  );
  return new Map(
    ordered.map(({ id, ordering }) => {
      const heads = new LineHeads(
        ordering,
        failing.filter(({ subscriptionId }) => subscriptionId === id),
      );
      return [id, heads.all.slice(0, shown).map((head) => blockedKey(head, ordering))];
    }),
  );
}

function blockedKey(head: FailingDelivery, ordering: Subscription['ordering']): BlockedKeyResponse {
  return {
    key: ordering === 'key' ? (head.key ?? null) : null,
    eventId: head.eventId ?? null,
    position: formatPosition(head.streamId, head.seq),
    attemptCount: head.attempts,
    nextAttemptAt: head.nextAttemptAt.toISOString(),
    lastError: head.error ?? null,
  };
}
