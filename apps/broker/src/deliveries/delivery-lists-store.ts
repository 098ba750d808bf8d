import { rows, type SqlSource } from '@hookcast/database';

export type ListedStatus = 'pending' | 'retrying' | 'delivered' | 'dead';

export interface ListedDelivery {
  streamId: number;
  seq: number;
  /** What lists are ordered by, newest first: time of storing, or of the attempt for delivered ones. */
  at: Date;
}

/** A page of one subscription's deliveries: per stream, those below `before`. */
export interface ListRequest {
  subscriptionId: number;
  /** Stream id → seq that the page must stay below. */
  before: ReadonlyMap<number, number>;
  limit: number;
}

/**
 * One statement per status. Each walks the streams from their newest end, at most `limit` entries per stream, so that
 * a page costs O(streams × limit) whatever the backlog: events_pk, retries_pk, dead_letters_pk and attempts_pk all
 * start with stream_id and go on to seq.
 */
const entries: Record<ListedStatus | 'all', string> = {
  all: /* sql */ `
    select e.seq, e.created_at as at from events e
    where e.stream_id = s.stream_id and e.seq < s.before order by e.seq desc limit $4`,
  pending: /* sql */ `
    (select e.seq, e.created_at as at from events e
     where e.stream_id = s.stream_id and e.seq < s.before and e.seq > c.settled_seq and not c.above @> e.seq
       and not exists (
         select from retries r where r.stream_id = s.stream_id and r.subscription_id = $1 and r.seq = e.seq)
     order by e.seq desc limit $4)
    union all
    (select r.seq, r.event_at from retries r
     where r.stream_id = s.stream_id and r.subscription_id = $1 and r.seq < s.before and r.kind in (1, 3)
     order by r.seq desc limit $4)
    order by seq desc limit $4`,
  retrying: /* sql */ `
    select r.seq, r.event_at as at from retries r
    where r.stream_id = s.stream_id and r.subscription_id = $1 and r.seq < s.before and r.kind in (0, 2)
    order by r.seq desc limit $4`,
  delivered: /* sql */ `
    select a.seq, max(a.created_at) as at from attempts a
    where a.stream_id = s.stream_id and a.subscription_id = $1 and a.seq < s.before and a.outcome = 1
    group by a.seq order by a.seq desc limit $4`,
  dead: /* sql */ `
    select d.seq, d.event_at as at from dead_letters d
    where d.stream_id = s.stream_id and d.subscription_id = $1 and d.seq < s.before
    order by d.seq desc limit $4`,
};

export async function listDeliveries(
  source: SqlSource,
  status: ListedStatus | 'all',
  { subscriptionId, before, limit }: ListRequest,
): Promise<ListedDelivery[]> {
  const found = await rows<{ stream_id: number; seq: string; at: Date }>(
    source,
    /* sql */ `
      select s.stream_id, entry.seq, entry.at
      from unnest($2::int[], $3::int8[]) as s(stream_id, before)
      join cursors c on c.stream_id = s.stream_id and c.subscription_id = $1
      cross join lateral (${entries[status]}) entry
      order by entry.at desc, s.stream_id, entry.seq desc`,
    [subscriptionId, [...before.keys()], [...before.values()], limit],
  );
  return found.map((row) => ({ streamId: row.stream_id, seq: Number(row.seq), at: row.at }));
}

/** The streams a subscription reads. Served by a scan of the small cursors table. */
export async function streamsOf(source: SqlSource, subscriptionId: number): Promise<number[]> {
  const found = await rows<{ stream_id: number }>(
    source,
    /* sql */ `select stream_id from cursors where subscription_id = $1 order by stream_id`,
    [subscriptionId],
  );
  return found.map((row) => row.stream_id);
}
