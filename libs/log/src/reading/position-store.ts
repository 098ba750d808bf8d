import { rows, type SqlSource } from '@hookcast/database';

interface PlaceRow {
  stream_id: number;
  seq: string;
  at: Date;
}

/** Behind `seq` the wanted events begin; none of them is older than `at`, so that days before need not be read. */
export interface Place {
  seq: number;
  at: Date;
}

/**
 * For each stream the place before its first event at or after a time; before its oldest event when no time is given,
 * and at its head when there is no such event.
 *
 * Positions are dense and times never fall along them, so this is a binary search by primary key: some twenty probes,
 * where an index on created_at would cost every publish. A position that has gone with its day counts as earlier.
 */
export async function findPlaces(
  source: SqlSource,
  streamIds: readonly number[],
  at?: Date,
): Promise<Map<number, Place>> {
  const found = await rows<PlaceRow>(
    source,
    /* sql */ `
    with recursive search as (
      select s.stream_id, coalesce(oldest.seq - 1, s.head_seq) as low, s.head_seq as high,
        case when $2::timestamptz is null then coalesce(oldest.created_at, s.head_at)
          else least($2::timestamptz, s.head_at) end as at
      from streams s
      left join lateral (
        select seq, created_at from events where stream_id = s.stream_id order by seq limit 1
      ) oldest on true
      where s.stream_id = any($1::int[])
      union all
      select s.stream_id, case when is_earlier then middle else low end,
        case when is_earlier then high else middle - 1 end, s.at
      from search s
      cross join lateral (select (s.low + s.high + 1) / 2 as middle) halved
      left join lateral (
        select created_at from events where stream_id = s.stream_id and seq = middle limit 1
      ) e on true
      cross join lateral (select coalesce(e.created_at < $2::timestamptz, true) as is_earlier) probe
      where $2::timestamptz is not null and s.low < s.high
    )
    select stream_id, max(low) as seq, greatest(min(at), 'epoch') as at from search group by stream_id`,
    [streamIds, at ?? null],
  );
  return new Map(found.map((row) => [row.stream_id, { seq: Number(row.seq), at: row.at }]));
}
