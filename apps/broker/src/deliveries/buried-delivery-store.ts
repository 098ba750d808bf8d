import { rows, type SqlSource } from '@hookcast/database';
import type { EventKey } from '@hookcast/log';

/** Where an event stood that only a dead letter still holds. Served by dead_letters_of_subscription. */
export async function findBuried(
  source: SqlSource,
  subscriptionId: number,
  eventId: string,
): Promise<EventKey | undefined> {
  const [found] = await rows<{ stream_id: number; seq: string; event_at: Date }>(
    source,
    /* sql */ `select stream_id, seq, event_at from dead_letters where subscription_id = $1 and event_id = $2 limit 1`,
    [subscriptionId, eventId],
  );
  return found && { streamId: found.stream_id, seq: Number(found.seq), createdAt: found.event_at };
}
