import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import type { ListPlace } from './delivery-history-store.js';
import { buriedEvent, type BuriedColumns } from './retry-store.js';

/** A delivery that was given up, with its event. */
export interface DeadLetter {
  subscriptionId: number;
  event: StoredEvent;
  deadAt: Date;
  reason: string;
  error: string | null;
  status: number | null;
  attempts: number;
}

interface DeadLetterColumns extends BuriedColumns {
  dead_at: Date;
  reason: string;
  error: string | null;
  http_status: number | null;
  attempts: number;
}

export interface DeadLetterQuery {
  /** Of these subscriptions, which the caller may see. */
  subscriptionIds: readonly number[];
  topic?: string;
  reason?: string;
  /** Given up at or after. */
  from?: Date;
  /** Given up before. */
  to?: Date;
  limit: number;
  /** One event may die for several subscriptions at the same moment, so a place names the subscription too. */
  after?: ListPlace & { subscriptionId?: number };
}

const beforeAll = { at: 'infinity', seq: 0, streamId: 0, subscriptionId: 0 };

/** Dead letters, the last given up first. Index: dead_letters_of_subscription, once for each subscription. */
export async function listDeadLetters(pool: pg.Pool, query: DeadLetterQuery): Promise<DeadLetter[]> {
  const { subscriptionIds, topic = null, reason = null, from = '-infinity', to = 'infinity' } = query;
  const after = query.after ?? beforeAll;
  const found = await pool.query<DeadLetterColumns>(
    /* sql */ `
    select d.* from unnest($1::int[]) as wanted(subscription_id)
     cross join lateral (
       select * from dead_letters d
        where d.subscription_id = wanted.subscription_id
          and ($2::text is null or d.topic = $2) and ($3::text is null or d.reason = $3)
          and d.dead_at >= $4::timestamptz and d.dead_at < $5::timestamptz
          and (d.dead_at, d.seq, d.stream_id, -d.subscription_id) < ($6::timestamptz, $7::int8, $8::int, -$9::int)
        order by d.dead_at desc, d.seq desc, d.stream_id desc limit $10) d
     order by d.dead_at desc, d.seq desc, d.stream_id desc, d.subscription_id limit $10`,
    [
      subscriptionIds,
      topic,
      reason,
      from,
      to,
      after.at,
      after.seq,
      after.streamId,
      after.subscriptionId ?? 0,
      query.limit,
    ],
  );
  return found.rows.map((row) => ({
    subscriptionId: row.subscription_id,
    event: buriedEvent(row),
    deadAt: row.dead_at,
    reason: row.reason,
    attempts: row.attempts,
    error: row.error,
    status: row.http_status,
  }));
}
