import { rows } from '@hookcast/database';
import type pg from 'pg';

export interface OwedSubscription {
  id: number;
  name: string;
  namespace: string;
  topics: string[];
  filter: string | null;
}

export interface OwedStream {
  streamId: number;
  topic: string;
  namespace: string;
  headSeq: number;
  /** Whether its newest event is young enough to be there still. */
  isFresh: boolean;
  /** A worker can come to own it. */
  isAssignable: boolean;
}

/** A cursor as its row says. */
export interface CursorBalance {
  streamId: number;
  subscriptionId: number;
  /** Whether it claims to have settled positions that do not exist. */
  isAhead: boolean;
  /** Positions settled since it began, and what its counters and retries say became of them. */
  settled: number;
  accounted: number;
}

export interface Standing {
  subscriptions: OwedSubscription[];
  streams: OwedStream[];
  cursors: CursorBalance[];
  /** Days, `YYYYMMDD`, whose events are there. */
  days: string[];
}

/**
 * What the tables say of every cursor, as of one moment: topics, subscriptions and cursors change together, and so do a
 * cursor and the retries behind it. Nothing of the worker's own reading is used.
 */
export async function readStanding(pool: pg.Pool, defaultRetentionDays: number): Promise<Standing> {
  const client = await pool.connect();
  try {
    await client.query(/* sql */ `begin isolation level repeatable read read only`);
    const subscriptions = await rows<OwedSubscription>(
      client,
      /* sql */ `select id, name, namespace, topics, filter from subscriptions order by id`,
    );
    const streams = await rows<Omit<OwedStream, 'headSeq'> & { headSeq: string }>(
      client,
      /* sql */ `
      select s.stream_id as "streamId", t.name as topic, t.namespace, s.head_seq as "headSeq",
        s.head_at > now() - make_interval(days => coalesce(t.retention_days, $1::int)) as "isFresh",
        exists (select from assignments a where a.stream_id = s.stream_id) as "isAssignable"
      from streams s join topics t on t.id = s.topic_id order by s.stream_id`,
      [defaultRetentionDays],
    );
    const cursors = await rows<Omit<CursorBalance, 'settled' | 'accounted'> & { settled: string; accounted: string }>(
      client,
      balanceText,
    );
    const days = await rows<{ day: string }>(client, daysText);
    await client.query(/* sql */ `commit`);
    return {
      subscriptions,
      streams: streams.map((row) => ({ ...row, headSeq: Number(row.headSeq) })),
      cursors: cursors.map((row) => ({ ...row, settled: Number(row.settled), accounted: Number(row.accounted) })),
      days: days.map(({ day }) => day),
    };
  } catch (error) {
    await client.query(/* sql */ `rollback`).catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** Counters first: the retries of a cursor are counted only where these alone do not account for what it settled. */
const balanceText = /* sql */ `
  with balance as (
    select c.stream_id, c.subscription_id, c.started_seq, c.settled_seq, c.above, s.head_seq,
      c.settled_seq - c.started_seq + coalesce((
        -- a worker that has not noticed that a day went still names what lies below the mark now
        select sum(upper(r) - lower(r)) from unnest(c.above * int8multirange(int8range(c.settled_seq, null, '()'))) r), 0)
        as settled,
      c.delivered + c.dead + c.dropped + c.expired + c.filtered + c.skipped - c.repeated as counted
    from cursors c join streams s using (stream_id)
  )
  select stream_id as "streamId", subscription_id as "subscriptionId", settled,
    settled_seq > head_seq or coalesce(upper(above) > head_seq + 1, false) as "isAhead",
    case when settled <= counted then counted else counted + (
      select count(*) from retries r where r.stream_id = b.stream_id and r.subscription_id = b.subscription_id
         and not r.is_repeat
    ) end as accounted
  from balance b`;

const daysText = /* sql */ `
  select regexp_replace(c.relname, '\\D', '', 'g') as day
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'events'::regclass and not i.inhdetachpending`;

/** A delivery that nothing of the kind it should have explains. */
export interface Suspect {
  subscriptionId: number;
  seq: number;
  eventAt: Date;
  /**
   * - no-trace: settled, and nothing says how
   * - retry-lost: its last attempt failed, and nothing waits
   * - dead-letter-lost: it was given up, and its dead letter is neither there nor was it discarded
   */
  state: 'no-trace' | 'retry-lost' | 'dead-letter-lost';
  /** Its cursor was moved by hand, so the event may have come to the filter a second time. */
  hasMoved: boolean;
}

export interface Page {
  /** State → deliveries. */
  counts: Record<string, number>;
  suspects: Suspect[];
  /** Last position of the page; where it began when there was no event. */
  lastSeq: number;
  events: number;
  /** Neighbours between which positions are missing. */
  gaps: { fromSeq: number; toSeq: number; fromDay: string; toDay: string }[];
  headSeq: number;
}

interface PageRow {
  events: number;
  last_seq: string;
  head_seq: string;
  counts: Record<string, number>;
  suspects: (Omit<Suspect, 'eventAt'> & { eventAt: string })[];
  gaps: Page['gaps'];
}

/** Suspects of one page that are looked at more closely. */
const maxSuspects = 20_000;

/**
 * Judges every delivery of a stretch of one stream, as of one moment. Index: events_pk, then the keys of retries, dead
 * letters and attempts for each delivery that is settled.
 *
 * A delivery is owed when its event lies above where the cursor began. Attempts carry the worker's clock, hence the
 * hour of room; events whose attempts may have gone with their day are left out.
 */
export async function readPage(
  pool: pg.Pool,
  query: { streamId: number; afterSeq: number; limit: number; subscriptionIds: readonly number[] },
): Promise<Page> {
  const { streamId, afterSeq, limit, subscriptionIds } = query;
  const [row] = await rows<PageRow>(pool, pageText, [streamId, afterSeq, limit, subscriptionIds, maxSuspects]);
  // The topic was deleted meanwhile.
  if (!row) return { counts: {}, suspects: [], lastSeq: afterSeq, events: 0, gaps: [], headSeq: 0 };
  const { counts, suspects, gaps, events } = row;
  return {
    counts,
    events,
    suspects: suspects.map((one) => ({ ...one, eventAt: new Date(one.eventAt) })),
    lastSeq: Number(row.last_seq),
    gaps,
    headSeq: Number(row.head_seq),
  };
}

const pageText = /* sql */ `
  with oldest_attempts as (
    select to_date(min(regexp_replace(c.relname, '\\D', '', 'g')), 'YYYYMMDD')::timestamp at time zone 'UTC'
      + interval '1 hour' as at
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'attempts'::regclass and not i.inhdetachpending
  ), e as materialized (
    select seq, created_at, to_char(created_at at time zone 'UTC', 'YYYYMMDD') as day from events
    where stream_id = $1 and seq > $2 order by seq limit $3
  ), from_before as (
    -- the last one of the page before: what is missing between pages has to show as well
    (select seq, to_char(created_at at time zone 'UTC', 'YYYYMMDD') as day from events where stream_id = $1 and seq = $2 limit 1)
    union all select seq, day from e
  ), neighbours as (
    select seq, day, lag(seq) over (order by seq) as before_seq, lag(day) over (order by seq) as before_day from from_before
  ), judged as materialized (
    select c.subscription_id, e.seq, e.created_at, c.moves > 0 as has_moved, case
      when r.kind is not null then case r.kind when 1 then 'waiting' else 'retrying' end
      when exists (select from dead_letters d
                    where d.stream_id = $1 and d.subscription_id = c.subscription_id and d.seq = e.seq) then 'dead'
      when e.seq > c.settled_seq and not c.above @> e.seq then 'waiting'
      when exists (select from cursor_skips k
                    where k.stream_id = $1 and k.subscription_id = c.subscription_id and k.skipped @> e.seq) then 'skipped'
      when a.delivered then 'delivered'
      when a.dropped then 'dropped'
      when a.discarded then 'discarded'
      when a.died then 'dead-letter-lost'
      when a.tried then 'retry-lost'
      else 'no-trace' end as state
    from e
    cross join oldest_attempts o
    join cursors c on c.stream_id = $1 and c.started_seq < e.seq and c.subscription_id = any($4::int[])
    left join retries r on r.stream_id = $1 and r.subscription_id = c.subscription_id and r.seq = e.seq
    left join lateral (
      select bool_or(true) as tried, bool_or(outcome = 1) as delivered, bool_or(outcome = 4) as dropped,
        bool_or(outcome = 3) as died, bool_or(outcome = 6) as discarded
      from attempts
      where stream_id = $1 and subscription_id = c.subscription_id and seq = e.seq
        and created_at >= e.created_at - interval '1 hour'
    ) a on true
    where e.created_at >= o.at
  )
  select (select count(*)::int from e) as events, s.head_seq,
    coalesce((select max(seq) from e), $2) as last_seq,
    coalesce((select json_object_agg(state, n) from (select state, count(*) as n from judged group by state) counted), '{}')
      as counts,
    coalesce((
      select json_agg(json_build_object('subscriptionId', subscription_id, 'seq', seq, 'eventAt', created_at, 'state', state,
        'hasMoved', has_moved))
      from (select * from judged where state in ('no-trace', 'retry-lost', 'dead-letter-lost') order by seq limit $5) suspect),
      '[]') as suspects,
    coalesce((
      select json_agg(json_build_object('fromSeq', before_seq, 'toSeq', seq, 'fromDay', before_day, 'toDay', day))
      from neighbours where seq > before_seq + 1), '[]') as gaps
  from streams s where s.stream_id = $1`;

export interface PastFilter {
  subscriptionId: number;
  filter: string;
  until: Date;
}

/** Filters that were replaced within the time that events are kept. */
export async function readPastFilters(pool: pg.Pool, subscriptionIds: readonly number[]): Promise<PastFilter[]> {
  return rows<PastFilter>(
    pool,
    /* sql */ `
    select subscription_id as "subscriptionId", filter, until from past_filters where subscription_id = any($1::int[])`,
    [subscriptionIds],
  );
}

/** Where the stream's oldest event is; undefined when there is none. Index: events_pk. */
export async function firstSeq(pool: pg.Pool, streamId: number): Promise<number | undefined> {
  const text = /* sql */ `select seq from events where stream_id = $1 order by seq limit 1`;
  const [row] = await rows<{ seq: string }>(pool, text, [streamId]);
  return row && Number(row.seq);
}
