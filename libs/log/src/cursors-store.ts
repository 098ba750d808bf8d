import { rows, type SqlSource } from '@hookcast/database';
import { findPlaces, type Place } from './reading/position-store.js';

/** Where a new cursor begins. A time in the future is as good as `latest`. */
export type CursorStart = { kind: 'latest' } | { kind: 'earliest' } | { kind: 'time'; at: Date };

export interface Backlog {
  /** Events that are not settled, of all streams. */
  backlog: number;
  /** When the oldest of them was stored. */
  oldestPendingAt?: Date;
  /** Since the subscription exists. */
  delivered: number;
  dead: number;
  dropped: number;
  /** Went with their day before they were settled. */
  expired: number;
  /** Left out when a cursor was moved forward by hand. */
  skipped: number;
  /** Kept back by the filter. */
  filtered: number;
  /** Not settled yet of the backlog that the last resume found. */
  toDrain: number;
  /** Nothing is sent before it ends. */
  park?: CursorPark;
}

export interface CursorPark {
  reason: string;
  since: Date;
  until: Date;
  /** Probes that failed since. */
  probes: number;
  error: string | null;
}

/**
 * Gives a subscription a cursor on every stream of the topics; those it has already stay as they are. The epoch comes
 * from the assignment, under a share lock: a takeover that is about to raise it is waited for, and one that comes
 * later waits for this. Its statement may be older than this cursor, though, so an owner that finds a cursor below
 * its epoch raises it. Settles are numbered from the time in milliseconds on: one that is still on its way to a cursor
 * that was deleted and made again carries a lower number than any of the new one.
 */
export async function createCursors(
  transaction: SqlSource,
  { subscriptionId, ...rest }: { subscriptionId: number; topicIds: readonly number[]; start: CursorStart },
): Promise<void> {
  await createCursorsOf(transaction, { subscriptionIds: [subscriptionId], ...rest });
}

/** The same for several subscriptions: as many statements as for one. */
export async function createCursorsOf(
  transaction: SqlSource,
  cursor: { subscriptionIds: readonly number[]; topicIds: readonly number[]; start: CursorStart },
): Promise<void> {
  const streams = await rows<{ stream_id: number; head_seq: string; at: Date }>(
    transaction,
    /* sql */ `
    select stream_id, head_seq, greatest(head_at, 'epoch') as at
    from streams where topic_id = any($1::int[]) order by stream_id`,
    [cursor.topicIds],
  );
  const heads = new Map(streams.map((row) => [row.stream_id, { seq: Number(row.head_seq), at: row.at }]));
  const places =
    cursor.start.kind === 'latest' ? heads : await startPlaces(transaction, [...heads.keys()], cursor.start);
  await insertCursors(transaction, cursor.subscriptionIds, places);
}

async function startPlaces(
  source: SqlSource,
  streamIds: number[],
  start: Exclude<CursorStart, { kind: 'latest' }>,
): Promise<Map<number, Place>> {
  return start.kind === 'time' ? findPlaces(source, streamIds, start.at) : findPlaces(source, streamIds);
}

async function insertCursors(
  transaction: SqlSource,
  subscriptionIds: readonly number[],
  places: ReadonlyMap<number, Place>,
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    with owned as (
      select stream_id, epoch from assignments where lane = 0 and stream_id = any($2::int[]) order by stream_id for share
    )
    insert into cursors (stream_id, subscription_id, epoch, settled_seq, settled_at, started_seq, settle_no)
    select p.stream_id, s.id, coalesce(o.epoch, 0), p.seq, p.at, p.seq, (extract(epoch from now()) * 1000)::int8
    from unnest($2::int[], $3::bigint[], $4::timestamptz[]) as p (stream_id, seq, at)
    cross join unnest($1::int[]) as s (id)
    left join owned o using (stream_id)
    on conflict (stream_id, subscription_id) do nothing`,
    [
      subscriptionIds,
      [...places.keys()],
      [...places.values()].map(({ seq }) => seq),
      [...places.values()].map(({ at }) => at.toISOString()),
    ],
  );
}

/**
 * Locks cursors in the order in which settles do, so that none of the two waits for the other crosswise: a statement that
 * changes several takes them as it finds them. Scans cursors, or by primary key.
 */
export async function lockInOrder(
  transaction: SqlSource,
  { subscriptionId = null, streamIds = null }: { subscriptionId?: number | null; streamIds?: readonly number[] | null },
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    select from cursors where ($1::int is null or subscription_id = $1) and ($2::int[] is null or stream_id = any($2::int[]))
     order by stream_id, subscription_id for update`,
    [subscriptionId, streamIds],
  );
}

/**
 * Ends a subscription on these topics, its waiting retries included; without `topicIds` on all, and then its dead
 * letters and what is noted about it go as well.
 */
export async function deleteCursors(
  transaction: SqlSource,
  { subscriptionId, topicIds }: { subscriptionId: number; topicIds?: readonly number[] },
): Promise<void> {
  const parameters = [subscriptionId, topicIds ?? null];
  await lockInOrder(transaction, { subscriptionId });
  await rows(
    transaction,
    /* sql */ `
    delete from cursors where subscription_id = $1 and stream_id in (
      select stream_id from streams where $2::int[] is null or topic_id = any($2::int[]))`,
    parameters,
  );
  // A settle that was under way has come to an end by now, and only a later statement sees what it wrote.
  await rows(
    transaction,
    /* sql */ `
    with ended as (
      select stream_id from streams where $2::int[] is null or topic_id = any($2::int[])
    ), gone_skips as (
      delete from cursor_skips where subscription_id = $1 and stream_id in (select stream_id from ended)
    ), gone_dead_letters as (
      delete from dead_letters where subscription_id = $1 and $2::int[] is null
    ), gone_expirations as (
      delete from expirations where subscription_id = $1 and $2::int[] is null
    ), gone_filters as (
      delete from past_filters where subscription_id = $1 and $2::int[] is null
    )
    delete from retries where subscription_id = $1 and stream_id in (select stream_id from ended)`,
    parameters,
  );
}

interface BacklogRow {
  subscription_id: number;
  backlog: string;
  oldest: Date | null;
  delivered: string;
  dead: string;
  dropped: string;
  expired: string;
  skipped: string;
  filtered: string;
  to_drain: string;
  parked_until: Date | null;
  parked_since: Date | null;
  park_reason: string | null;
  park_probes: number;
  park_error: string | null;
}

/** Settled above the mark, up to a position: one key that is held back stops the mark, and others go on behind it. */
const settledAbove = (upTo: string) => /* sql */ `
  case when isempty(c.above) then 0 else (
    select coalesce(sum(upper(r) - lower(r)), 0)
      from unnest(c.above * int8multirange(int8range(c.settled_seq, greatest(c.settled_seq, ${upTo}), '(]'))) r) end`;

/**
 * How far subscriptions are behind: one look at each of their cursors, and one at the event behind those that lag
 * (events_pk). Nothing is counted. Subscriptions without cursors are left out.
 */
export async function backlogs(source: SqlSource, subscriptionIds: readonly number[]): Promise<Map<number, Backlog>> {
  const found = await rows<BacklogRow>(
    source,
    /* sql */ `
    select c.subscription_id, sum(greatest(s.head_seq - c.settled_seq - ${settledAbove('s.head_seq')}, 0)) as backlog,
      min(next.created_at) as oldest,
      sum(c.delivered) as delivered, sum(c.dead) as dead, sum(c.dropped) as dropped, sum(c.expired) as expired,
      sum(c.skipped) as skipped,
      sum(c.filtered) as filtered,
      sum(greatest(c.drain_seq - c.settled_seq - ${settledAbove('c.drain_seq')}, 0)) as to_drain,
      max(c.parked_until) as parked_until,
      (array_agg(c.parked_since order by c.parked_until desc nulls last))[1] as parked_since,
      (array_agg(c.park_reason order by c.parked_until desc nulls last))[1] as park_reason,
      (array_agg(c.park_probes order by c.parked_until desc nulls last))[1] as park_probes,
      (array_agg(c.park_error order by c.parked_until desc nulls last))[1] as park_error
    from cursors c
    join streams s using (stream_id)
    left join lateral (
      select created_at from events
      where stream_id = c.stream_id and seq > c.settled_seq and created_at >= c.settled_at
      order by seq limit 1
    ) next on s.head_seq > c.settled_seq
    where c.subscription_id = any($1::int[])
    group by c.subscription_id`,
    [subscriptionIds],
  );
  return new Map(found.map((row) => [row.subscription_id, toBacklog(row)]));
}

function toBacklog(row: BacklogRow): Backlog {
  return {
    backlog: Number(row.backlog),
    ...(row.oldest === null ? {} : { oldestPendingAt: row.oldest }),
    delivered: Number(row.delivered),
    dead: Number(row.dead),
    dropped: Number(row.dropped),
    expired: Number(row.expired),
    skipped: Number(row.skipped),
    filtered: Number(row.filtered),
    toDrain: Number(row.to_drain),
    ...parkOf(row),
  };
}

function parkOf(row: BacklogRow): { park?: CursorPark } {
  if (row.parked_until === null || row.park_reason === null) return {};
  const { parked_until: until, park_reason: reason, park_probes: probes, park_error: error } = row;
  return { park: { reason, until, since: row.parked_since ?? until, probes, error } };
}

/** What waits for the subscription now is the backlog that the rate of its resume is for. Scans cursors. */
export async function markBacklog(transaction: SqlSource, subscriptionId: number): Promise<void> {
  await lockInOrder(transaction, { subscriptionId });
  await rows(
    transaction,
    /* sql */ `
    update cursors c set drain_seq = s.head_seq from streams s
     where c.subscription_id = $1 and s.stream_id = c.stream_id`,
    [subscriptionId],
  );
}
