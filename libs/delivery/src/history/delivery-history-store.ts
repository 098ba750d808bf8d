import type { EventKey } from '@hookcast/log';
import type pg from 'pg';
import { deliveryState, type DeliveryState } from './delivery-state.js';
import { atOnce } from '../retries/retry-store.js';
import { clockSkew, keysOf, leftOut, type ListedState } from './listed-state-store.js';

/** A delivery as it stands. */
export interface DeliverySummary {
  subscriptionId: number;
  streamId: number;
  seq: number;
  eventId: string;
  /** When the event was stored. */
  eventAt: Date;
  topic: string;
  /** Type of the event. */
  type: string;
  /** Ordering key of the event. */
  key: string | undefined;
  state: DeliveryState;
  /** Attempts made so far. */
  attempts: number;
  /** Of the last recorded attempt. */
  lastAttemptAt: Date | null;
  lastStatus: number | null;
  /** `<class>: <detail>` of the last failure. */
  lastError: string | null;
  /** Null also for one that is due at once. */
  nextAttemptAt: Date | null;
  /** Why it is dead, or `seek` when it was left out by one. */
  reason: string | null;
}

/** Where a page ended: the list goes on behind it. */
export interface ListPlace {
  at: Date;
  streamId: number;
  seq: number;
}

export interface AttemptRecord {
  attempt: number;
  at: Date;
  /** `discarded` was no call: an operator let the dead letter go. */
  outcome: 'delivered' | 'retry' | 'dead' | 'dropped' | 'suspend' | 'discarded';
  status: number | null;
  durationMs: number;
  error: string | null;
  /** Start of the hook's answer; null when there was none. */
  response: Buffer | null;
}

interface SummaryColumns {
  subscription_id: number;
  stream_id: number;
  seq: string;
  event_id: string;
  created_at: Date;
  topic: string;
  type: string | null;
  key: string | null;
  has_filtered: boolean;
  is_settled: boolean;
  is_older: boolean;
  is_left_out: boolean;
  retry_kind: number | null;
  retry_attempts: number | null;
  next_at: Date | null;
  last_error: string | null;
  dead_reason: string | null;
  dead_attempts: number | null;
  dead_error: string | null;
  attempt_no: number | null;
  outcome: number | null;
  http_status: number | null;
  attempted_at: Date | null;
  attempt_error: string | null;
}

const outcomes = ['delivered', 'retry', 'dead', 'dropped', 'suspend', 'discarded'] as const;

/** Keys, and what all tables say about each for the subscriptions of its stream. */
const summaryText = (keys: string) => /* sql */ `
  with k as (${keys})
  select c.subscription_id, k.stream_id, k.seq, coalesce(e.event_id, d.event_id) as event_id, k.created_at,
         coalesce(t.name, d.topic) as topic, coalesce(e.type, d.type) as type,
         coalesce(e.key, d.key) as key, c.filtered > 0 as has_filtered,
         k.seq <= c.settled_seq or c.above @> k.seq as is_settled,
         coalesce(k.created_at < s.created_at, false) as is_older,
         exists (${leftOut('c', 'k.seq')}) as is_left_out,
         r.kind as retry_kind, r.attempt_no as retry_attempts, r.next_at, r.last_error,
         d.reason as dead_reason, d.attempts as dead_attempts, d.error as dead_error,
         a.attempt_no, a.outcome, a.http_status, a.created_at as attempted_at, a.error as attempt_error
    from k
    join cursors c on c.stream_id = k.stream_id
    left join subscriptions s on s.id = c.subscription_id
    left join streams st on st.stream_id = k.stream_id
    left join topics t on t.id = st.topic_id
    left join lateral (select event_id, type, key from events e
                        where e.stream_id = k.stream_id and e.seq = k.seq and e.created_at = k.created_at limit 1) e on true
    left join retries r on r.stream_id = k.stream_id and r.subscription_id = c.subscription_id and r.seq = k.seq
    left join dead_letters d on d.stream_id = k.stream_id and d.subscription_id = c.subscription_id and d.seq = k.seq
    left join lateral (select * from attempts a
                        where a.stream_id = k.stream_id and a.subscription_id = c.subscription_id and a.seq = k.seq
                          and a.created_at >= k.created_at - ${clockSkew}
                        order by a.created_at desc, a.attempt_no desc limit 1) a on true`;

/** What became of deliveries: read from cursors, retries, dead letters and attempts, by their keys; nothing is counted. */
export class DeliveryHistory {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Deliveries of one subscription in one state, newest event first. Index: for each cursor of the subscription the
   * primary key of events or retries, backwards; dead letters by dead_letters_of_subscription.
   */
  async list(query: {
    subscriptionId: number;
    state: ListedState;
    limit: number;
    after?: ListPlace;
  }): Promise<DeliverySummary[]> {
    const { subscriptionId, state, limit, after } = query;
    const found = await this.pool.query<SummaryColumns>(
      /* sql */ `
      ${summaryText(`select * from (${keysOf[state]}) keys order by created_at desc, stream_id, seq desc limit $5`)}
       where c.subscription_id = $1
       order by k.created_at desc, k.stream_id, k.seq desc`,
      [subscriptionId, after?.at ?? 'infinity', after?.streamId ?? 0, after?.seq ?? 0, limit],
    );
    return found.rows.map(summary);
  }

  /** One delivery per event and subscription that reads its stream. Index: primary keys. */
  async summaries(events: readonly EventKey[], subscriptionId?: number): Promise<DeliverySummary[]> {
    const keys = /* sql */ `
      select * from unnest($1::int[], $2::int8[], $3::timestamptz[]) as keys(stream_id, seq, created_at)`;
    const found = await this.pool.query<SummaryColumns>(
      /* sql */ `
      ${summaryText(keys)}
       where $4::int is null or c.subscription_id = $4
       order by k.created_at desc, k.stream_id, c.subscription_id`,
      [
        events.map(({ streamId }) => streamId),
        events.map(({ seq }) => seq),
        events.map(({ createdAt }) => createdAt.toISOString()),
        subscriptionId ?? null,
      ],
    );
    return found.rows.map(summary);
  }

  /** Every recorded attempt of one delivery, oldest first. Index: (stream_id, subscription_id, seq) of each day. */
  async attempts(delivery: {
    streamId: number;
    subscriptionId: number;
    seq: number;
    eventAt: Date;
  }): Promise<AttemptRecord[]> {
    const found = await this.pool.query<{
      attempt_no: number;
      created_at: Date;
      outcome: number;
      http_status: number | null;
      duration_ms: number;
      error: string | null;
      response: Buffer | null;
    }>(
      /* sql */ `
      select attempt_no, created_at, outcome, http_status, duration_ms, error, response from attempts
       where stream_id = $1 and subscription_id = $2 and seq = $3 and created_at >= $4::timestamptz - ${clockSkew}
       order by created_at, attempt_no limit 1000`,
      [delivery.streamId, delivery.subscriptionId, delivery.seq, delivery.eventAt],
    );
    return found.rows.map((row) => ({
      attempt: row.attempt_no,
      at: row.created_at,
      outcome: outcomes[row.outcome - 1] ?? 'retry',
      durationMs: row.duration_ms,
      status: row.http_status,
      error: row.error,
      response: row.response,
    }));
  }
}

function reasonOf({ retry_kind: retryKind, dead_reason: dead, is_left_out: isLeftOut }: SummaryColumns): string | null {
  if (retryKind !== null) return null;
  return dead ?? (isLeftOut ? 'seek' : null);
}

function summary(row: SummaryColumns): DeliverySummary {
  const isAtOnce = row.next_at?.getTime() === atOnce.getTime();
  return {
    subscriptionId: row.subscription_id,
    streamId: row.stream_id,
    seq: Number(row.seq),
    eventId: row.event_id,
    eventAt: row.created_at,
    topic: row.topic,
    type: row.type ?? row.topic,
    key: row.key ?? undefined,
    state: deliveryState({
      isSettled: row.is_settled,
      retryKind: row.retry_kind,
      isDead: row.dead_reason !== null,
      lastOutcome: row.outcome,
      isOlder: row.is_older,
      isLeftOut: row.is_left_out,
      hasFiltered: row.has_filtered,
    }),
    attempts: row.retry_attempts ?? row.dead_attempts ?? row.attempt_no ?? 0,
    lastAttemptAt: row.attempted_at,
    lastStatus: row.http_status,
    lastError: row.last_error ?? row.dead_error ?? row.attempt_error,
    nextAttemptAt: isAtOnce ? null : row.next_at,
    reason: reasonOf(row),
  };
}
