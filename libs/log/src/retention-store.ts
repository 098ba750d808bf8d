import { rows, type SqlSource } from '@hookcast/database';
import { addDays, startOf, type Day } from './day.js';

/** The longest time in days that any topic keeps its events; `defaultDays` for topics that say nothing. */
export async function longestRetention(source: SqlSource, defaultDays: number): Promise<number> {
  const text = /* sql */ `select max(coalesce(retention_days, $1::int)) as days from topics`;
  const [row] = await rows<{ days: number | null }>(source, text, [defaultDays]);
  return row?.days ?? defaultDays;
}

/**
 * Gives up retries of a day's events: they become dead letters `expired` that carry their event, which is about to
 * go. What waits to be delivered again goes on waiting when a dead letter holds its event. `partition` is addressed by
 * name, since it may be detached already. Scans retries, once a day.
 */
export async function buryRetries(
  transaction: SqlSource,
  { partition, day, now }: { partition: string; day: Day; now: Date },
): Promise<number> {
  const [row] = await rows<{ buried: number }>(
    transaction,
    /* sql */ `
    with gone as (
      delete from retries r using ${partition} e
      where r.event_at >= $1 and r.event_at < $2
        and e.stream_id = r.stream_id and e.seq = r.seq and e.created_at = r.event_at
        and not exists (select 1 from dead_letters d where d.stream_id = r.stream_id
                           and d.subscription_id = r.subscription_id and d.seq = r.seq)
      returning r.subscription_id, r.last_error, r.attempt_no, e.*
    ), buried as (
      insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, error, attempts, event_at, event_id,
        topic, type, source, subject, key, content_type, attributes, data, fingerprint)
      select g.stream_id, g.subscription_id, g.seq, $3, 'expired', g.last_error, g.attempt_no, g.created_at, g.event_id,
        coalesce(t.name, ''), g.type, g.source, g.subject, g.key, g.content_type, g.attributes, g.data,
        'expired'
      from gone g
      left join streams s on s.stream_id = g.stream_id
      left join topics t on t.id = s.topic_id
      on conflict do nothing
    )
    select count(*)::int as buried from gone`,
    [startOf(day), startOf(addDays(day, 1)), now],
  );
  return row?.buried ?? 0;
}

/**
 * Moves cursors that have not passed a day's last event behind it and counts what they had not settled as expired.
 * The last event of each stream comes from the partition's primary key, backwards. Done once before the partition is
 * detached (a reader that finds it gone must not take the gap for settled) and once more before it is dropped.
 */
export async function expireCursors(transaction: SqlSource, partition: string): Promise<number> {
  const [row] = await rows<{ expired: string }>(
    transaction,
    /* sql */ `
    with last as (
      select s.stream_id, e.seq, e.created_at
      from streams s
      cross join lateral (
        select seq, created_at from ${partition} where stream_id = s.stream_id order by seq desc limit 1
      ) e
    ), behind as (
      -- locked in one order, and read as of now: a worker may be settling them
      select c.stream_id, c.subscription_id, c.settled_seq, c.settled_at, c.above, last.seq, last.created_at
      from cursors c
      join last using (stream_id)
      where c.settled_seq < last.seq
      order by c.stream_id, c.subscription_id
      for no key update of c
    ), moved as (
      select b.stream_id, b.subscription_id,
        b.seq - b.settled_seq - coalesce((
          select sum(upper(r) - lower(r)) from unnest(b.above * int8multirange(int8range(null, b.seq, '(]'))) r
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
      returning m.expired
    )
    select coalesce(sum(expired), 0) as expired from done`,
  );
  return Number(row?.expired ?? 0);
}
