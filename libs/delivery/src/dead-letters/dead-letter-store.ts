import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import type { ListPlace } from '../history/delivery-history-store.js';
import { buriedEvent, type BuriedColumns } from '../retries/retry-store.js';

/** A delivery that was given up, with its event. */
export interface DeadLetter {
  subscriptionId: number;
  event: StoredEvent;
  deadAt: Date;
  reason: string;
  error: string | null;
  status: number | null;
  attempts: number;
  /** Names the kind of error, see error-fingerprint.ts. */
  fingerprint: string;
  /** It is on its way again. */
  isRedriving: boolean;
}

interface DeadLetterColumns extends BuriedColumns {
  dead_at: Date;
  reason: string;
  error: string | null;
  http_status: number | null;
  attempts: number;
  fingerprint: string;
  is_redriving: boolean;
}

export interface DeadLetterQuery {
  /** Of these subscriptions, which the caller may see. */
  subscriptionIds: readonly number[];
  topic?: string;
  reason?: string;
  fingerprint?: string;
  /** Given up at or after. */
  from?: Date;
  /** Given up before. */
  to?: Date;
  limit: number;
  /** One event may die for several subscriptions at the same moment, so a place names the subscription too. */
  after?: ListPlace & { subscriptionId?: number };
}

/** A look by primary key for each dead letter; `exists` may be made a hash of all retries there are. */
const isRedriving = /* sql */ `(select true from retries r where r.stream_id = d.stream_id
  and r.subscription_id = d.subscription_id and r.seq = d.seq limit 1) is not null as is_redriving`;

const beforeAll = { at: 'infinity', seq: 0, streamId: 0, subscriptionId: 0 };

/** Dead letters, the last given up first. Index: dead_letters_of_subscription, once for each subscription. */
export async function listDeadLetters(pool: pg.Pool, query: DeadLetterQuery): Promise<DeadLetter[]> {
  const {
    subscriptionIds,
    topic = null,
    reason = null,
    fingerprint = null,
    from = '-infinity',
    to = 'infinity',
  } = query;
  const after = query.after ?? beforeAll;
  const found = await pool.query<DeadLetterColumns>(
    /* sql */ `
    select d.*, ${isRedriving} from unnest($1::int[]) as wanted(subscription_id)
     cross join lateral (
       select * from dead_letters d
        where d.subscription_id = wanted.subscription_id
          and ($2::text is null or d.topic = $2) and ($3::text is null or d.reason = $3)
          and ($11::text is null or d.fingerprint = $11)
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
      fingerprint,
    ],
  );
  return found.rows.map(toDeadLetter);
}

/** One dead letter with its event. Index: primary key. */
export async function findDeadLetter(
  pool: pg.Pool,
  { subscriptionId, streamId, seq }: { subscriptionId: number; streamId: number; seq: number },
): Promise<DeadLetter | undefined> {
  const found = await pool.query<DeadLetterColumns>(
    /* sql */ `
    select d.*, ${isRedriving} from dead_letters d where stream_id = $1 and subscription_id = $2 and seq = $3`,
    [streamId, subscriptionId, seq],
  );
  return found.rows.map(toDeadLetter)[0];
}

function toDeadLetter(row: DeadLetterColumns): DeadLetter {
  return {
    subscriptionId: row.subscription_id,
    event: buriedEvent(row),
    deadAt: row.dead_at,
    reason: row.reason,
    attempts: row.attempts,
    error: row.error,
    status: row.http_status,
    fingerprint: row.fingerprint,
    isRedriving: row.is_redriving,
  };
}
