import { rows, type SqlSource } from '@hookcast/database';
import { addDays, startOf, type Day } from './day.js';

/** The longest time in days that any topic keeps its events; `defaultDays` for topics that say nothing. */
export async function longestRetention(source: SqlSource, defaultDays: number): Promise<number> {
  const text = /* sql */ `select max(coalesce(retention_days, $1::int)) as days from topics`;
  const [row] = await rows<{ days: number | null }>(source, text, [defaultDays]);
  return row?.days ?? defaultDays;
}

/** Part of a day: a table and, unless all of it, some of its streams. */
export interface DayPart {
  /** By name, since the table may be detached already. */
  partition: string;
  day: Day;
  /** Undefined: all. */
  streamIds?: readonly number[];
  now: Date;
}

/** Events that went before a subscription had settled them. */
export interface Expiration {
  streamId: number;
  subscriptionId: number;
  /** The positions from and to which some were open. */
  fromSeq: number;
  toSeq: number;
  events: number;
  expiredAt: Date;
}

interface ExpirationColumns {
  stream_id: number;
  subscription_id: number;
  from_seq: string;
  to_seq: string;
  events: string;
  expired_at: Date;
}

/** $1 and $2 the day, $4 streams. */
const dueOfDay = /* sql */ `r.event_at >= $1 and r.event_at < $2 and ($4::int[] is null or r.stream_id = any($4::int[]))
        and e.stream_id = r.stream_id and e.seq = r.seq and e.created_at = r.event_at
        and not exists (select 1 from dead_letters d where d.stream_id = r.stream_id
                           and d.subscription_id = r.subscription_id and d.seq = r.seq)`;

/** Kinds of rows in retries, as delivery has them: a delayed event, and a dead letter that is asked for again. */
const kinds = { delayed: 1, redelivery: 2 };

/** $3 now. An event that expires before it is due has nothing to wait for. */
const isAhead = /* sql */ `(r.kind = ${kinds.delayed} and r.next_at > $3::timestamptz and coalesce(e.expires_at > r.next_at, true))`;

/**
 * Locks the cursors that a day's going is about: those that lag, and those with retries of its events. Whoever writes
 * retries and dead letters locks the cursor first, so nobody waits for the other crosswise, and the statements after this
 * one see what a settle that was under way has written.
 */
export async function lockCursorsOf(
  transaction: SqlSource,
  { partition, day, streamIds }: Omit<DayPart, 'now'>,
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    select from cursors c
    where ($3::int[] is null or c.stream_id = any($3::int[]))
      and (c.settled_seq < (select max(seq) from ${partition} e where e.stream_id = c.stream_id)
        or exists (select from retries r where r.stream_id = c.stream_id and r.subscription_id = c.subscription_id
                      and r.event_at >= $1 and r.event_at < $2))
    order by c.stream_id, c.subscription_id for no key update of c`,
    [startOf(day), startOf(addDays(day, 1)), streamIds ?? null],
  );
}

/**
 * Gives up retries of a day's events: they become dead letters `expired` that carry their event, which is about to
 * go. What waits to be delivered again goes on waiting when a dead letter holds its event. So does a delayed event that
 * is not due yet: its dead letter is on its way from the first, and nobody is told of it. Scans retries, once a day.
 */
export async function buryRetries(
  transaction: SqlSource,
  { partition, day, streamIds, now }: DayPart,
): Promise<number> {
  const [row] = await rows<{ buried: number }>(
    transaction,
    /* sql */ `
    with kept as (
      update retries r set kind = ${kinds.redelivery} from ${partition} e
      where ${dueOfDay} and ${isAhead}
      returning r.subscription_id, r.last_error, r.attempt_no, r.is_repeat, true as is_kept, e.*
    ), gone as (
      delete from retries r using ${partition} e
      where ${dueOfDay} and not ${isAhead}
      returning r.subscription_id, r.last_error, r.attempt_no, r.is_repeat, false as is_kept, e.*
    ), buried as (
      insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, error, attempts, event_at, event_id,
        topic, type, source, subject, key, content_type, attributes, data, fingerprint, announced)
      select g.stream_id, g.subscription_id, g.seq, $3, 'expired', g.last_error, g.attempt_no, g.created_at, g.event_id,
        coalesce(t.name, ''), g.type, g.source, g.subject, g.key, g.content_type, g.attributes, g.data,
        'expired', g.is_kept
      from (select * from kept union all select * from gone) g
      left join streams s on s.stream_id = g.stream_id
      left join topics t on t.id = s.topic_id
      on conflict do nothing
    ), counted as (
      -- what was delivered before and asked for again is counted already
      update cursors c set dead = c.dead + g.deaths
        from (select stream_id, subscription_id, count(*) as deaths from gone where not is_repeat group by 1, 2) g
       where c.stream_id = g.stream_id and c.subscription_id = g.subscription_id
    )
    select count(*)::int as buried from gone`,
    [startOf(day), startOf(addDays(day, 1)), now, streamIds ?? null],
  );
  return row?.buried ?? 0;
}

/**
 * Moves cursors that have not passed a day's last event behind it, and counts and notes what they had not settled as
 * expired. The last event of each stream comes from the partition's primary key, backwards. Done once before the
 * partition is detached (a reader that finds it gone must not take the gap for settled) and once more before it is
 * dropped.
 */
export async function expireCursors(
  transaction: SqlSource,
  { partition, streamIds, now }: DayPart,
): Promise<Expiration[]> {
  const found = await rows<ExpirationColumns>(
    transaction,
    /* sql */ `
    with last as (
      select s.stream_id, e.seq, e.created_at
      from streams s
      cross join lateral (
        select seq, created_at from ${partition} where stream_id = s.stream_id order by seq desc limit 1
      ) e
      where $1::int[] is null or s.stream_id = any($1::int[])
    ), behind as (
      -- locked in one order, and read as of now: a worker may be settling them
      select c.stream_id, c.subscription_id, c.settled_seq, c.settled_at, c.above, last.seq, last.created_at
      from cursors c
      join last using (stream_id)
      where c.settled_seq < last.seq
      order by c.stream_id, c.subscription_id
      for no key update of c
    ), moved as (
      select b.stream_id, b.subscription_id, b.settled_seq + 1 as from_seq, b.seq as to_seq,
        b.seq - b.settled_seq - coalesce((
          select sum(upper(r) - lower(r)) from unnest(b.above * int8multirange(int8range(b.settled_seq, b.seq, '(]'))) r
        ), 0) as expired,
        -- what is settled right behind the day is below the new mark as well
        coalesce((select upper(r) - 1 from unnest(b.above) r where r @> (b.seq + 1)), b.seq) as settled_seq,
        greatest(b.settled_at, b.created_at) as settled_at
      from behind b
    ), done as (
      update cursors c
      set settled_seq = m.settled_seq, settled_at = m.settled_at, expired = c.expired + m.expired,
        above = c.above - int8multirange(int8range(null, m.settled_seq, '(]'))
      from moved m
      where c.stream_id = m.stream_id and c.subscription_id = m.subscription_id
      returning m.stream_id, m.subscription_id, m.from_seq, m.to_seq, m.expired
    ), noted as (
      insert into expirations (stream_id, subscription_id, from_seq, to_seq, events, expired_at)
      select stream_id, subscription_id, from_seq, to_seq, expired, $2 from done where expired > 0
      on conflict (stream_id, subscription_id, to_seq) do update
        set events = expirations.events + excluded.events, from_seq = least(expirations.from_seq, excluded.from_seq)
    )
    select stream_id, subscription_id, from_seq, to_seq, expired as events, $2::timestamptz as expired_at
    from done where expired > 0`,
    [streamIds ?? null, now],
  );
  return found.map(toExpiration);
}

/** Streams from whose events of that day some subscription still has to deliver. */
export async function streamsInUse(
  source: SqlSource,
  { partition, day, streamIds }: Omit<DayPart, 'now'>,
): Promise<number[]> {
  const found = await rows<{ stream_id: number }>(
    source,
    /* sql */ `
    select s.stream_id
    from streams s
    cross join lateral (select seq from ${partition} where stream_id = s.stream_id order by seq desc limit 1) last
    where ($1::int[] is null or s.stream_id = any($1::int[]))
      and (exists (select from cursors c where c.stream_id = s.stream_id and c.settled_seq < last.seq)
        or exists (select from retries r where r.stream_id = s.stream_id and r.event_at >= $2 and r.event_at < $3))`,
    [streamIds ?? null, startOf(day), startOf(addDays(day, 1))],
  );
  return found.map((row) => row.stream_id);
}

/** Bytes on disk, indexes and large values included. */
export async function sizeOf(source: SqlSource, partition: string): Promise<number> {
  const [row] = await rows<{ bytes: string }>(
    source,
    /* sql */ `select pg_total_relation_size($1::text::regclass) as bytes`,
    [partition],
  );
  return Number(row?.bytes ?? 0);
}

/**
 * Streams that have events in the partition although their topic keeps events no longer than `outlivedDays`. One look
 * at the primary key for each.
 */
export async function outlivedStreams(
  source: SqlSource,
  { partition, outlivedDays, defaultDays }: { partition: string; outlivedDays: number; defaultDays: number },
): Promise<number[]> {
  const found = await rows<{ stream_id: number }>(
    source,
    /* sql */ `
    select s.stream_id
    from streams s join topics t on t.id = s.topic_id
    where coalesce(t.retention_days, $1::int) <= $2::int
      and exists (select from ${partition} e where e.stream_id = s.stream_id)
    order by s.stream_id`,
    [defaultDays, outlivedDays],
  );
  return found.map((row) => row.stream_id);
}

/** Deletes up to `limit` events of a stream behind a position, never its last one; answers how far it came. */
export async function deleteEvents(
  source: SqlSource,
  { partition, streamId, afterSeq, limit }: { partition: string; streamId: number; afterSeq: number; limit: number },
): Promise<{ lastSeq: number; events: number }> {
  const [row] = await rows<{ last_seq: string | null; events: number }>(
    source,
    /* sql */ `
    with gone as (
      delete from ${partition} where stream_id = $1 and ctid = any (array(
        select ctid from ${partition}
        where stream_id = $1 and seq > $2
          and seq < (select seq from ${partition} where stream_id = $1 order by seq desc limit 1)
        order by seq limit $3))
      returning seq
    )
    select max(seq) as last_seq, count(*)::int as events from gone`,
    [streamId, afterSeq, limit],
  );
  return { lastSeq: Number(row?.last_seq ?? afterSeq), events: row?.events ?? 0 };
}

/** What `deleteEvents` leaves of a stream: its last event, by which `expireCursors` knows how far cursors have to go. */
export async function deleteLast(source: SqlSource, partition: string, streamId: number): Promise<number> {
  const text = /* sql */ `delete from ${partition} where stream_id = $1 returning seq`;
  return (await rows(source, text, [streamId])).length;
}

/** Notes that are older than anybody asks for. */
export async function forgetExpirations(source: SqlSource, before: Date): Promise<void> {
  await rows(source, /* sql */ `delete from expirations where expired_at < $1`, [before]);
}

/** What went before a subscription had settled it, the last first. Index: expirations_of_subscription. */
export async function listExpirations(
  source: SqlSource,
  {
    subscriptionId,
    limit,
    after,
  }: {
    subscriptionId: number;
    limit: number;
    /** The last one of the page before. */
    after?: Pick<Expiration, 'expiredAt' | 'streamId' | 'toSeq'> | undefined;
  },
): Promise<(Expiration & { topic: string })[]> {
  const found = await rows<ExpirationColumns & { topic: string }>(
    source,
    /* sql */ `
    select x.stream_id, x.subscription_id, x.from_seq, x.to_seq, x.events, x.expired_at, t.name as topic
    from expirations x join streams s using (stream_id) join topics t on t.id = s.topic_id
    where x.subscription_id = $1 and ($3::timestamptz is null or x.expired_at < $3
      or (x.expired_at = $3 and (x.stream_id > $4::integer or (x.stream_id = $4 and x.to_seq < $5::bigint))))
    order by x.expired_at desc, x.stream_id, x.to_seq desc limit $2`,
    [subscriptionId, limit, after?.expiredAt ?? null, after?.streamId ?? null, after?.toSeq ?? null],
  );
  return found.map((row) => ({ ...toExpiration(row), topic: row.topic }));
}

function toExpiration(row: ExpirationColumns): Expiration {
  return {
    streamId: row.stream_id,
    subscriptionId: row.subscription_id,
    fromSeq: Number(row.from_seq),
    toSeq: Number(row.to_seq),
    events: Number(row.events),
    expiredAt: row.expired_at,
  };
}
