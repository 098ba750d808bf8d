import { rows, type SqlSource } from '@hookcast/database';
import { retryKind } from '../sending/lanes.js';
import { lockCursors } from './cursor-lock-store.js';

/** Where a cursor is to stand: delivery goes on with the event behind `seq`. */
export interface SeekTarget {
  streamId: number;
  seq: number;
  /** None of the events behind it is older. */
  at: Date;
}

export interface SeekCounts {
  /** Cursors that were moved. */
  streams: number;
  /** Events that will not be delivered any more, waiting retries among them. */
  skipped: number;
  /** Events behind the new place that were settled already and will be delivered again. */
  repeated: number;
}

/** $1 subscription, $2 to $4 targets, $5 now, $6 the kinds of retries that a skip drops. */
const seekText = /* sql */ `
    with wanted as (
      select * from unnest($2::int[], $3::int8[], $4::timestamptz[]) as w(stream_id, seq, at)
    ), held as (
      select c.stream_id, c.settled_seq, c.settled_at, c.above, c.moves, w.seq, w.at,
             -- where everything is settled, the end is still ahead of the retries that wait
             w.seq > c.settled_seq or (w.seq = c.settled_seq and isempty(c.above)) as is_forward
        from cursors c join wanted w using (stream_id)
       where c.subscription_id = $1
    ), dropped as (
      delete from retries r using held h
       where r.stream_id = h.stream_id and r.subscription_id = $1
         and case when h.is_forward then r.seq <= h.seq and r.kind = any($6::int[]) else r.seq > h.seq end
      returning r.stream_id, r.seq, r.is_repeat
    ), unburied as (
      delete from dead_letters d using held h
       where d.stream_id = h.stream_id and d.subscription_id = $1 and not h.is_forward and d.seq > h.seq
    ), left_out as (
      select h.stream_id, h.moves + 1 as move,
             int8multirange(int8range(h.settled_seq, h.seq, '(]')) - h.above + coalesce((
               select range_agg(int8range(d.seq, d.seq, '[]')) from dropped d where d.stream_id = h.stream_id), '{}') as skipped
        from held h where h.is_forward
    ), counted as (
      select l.*, (select coalesce(sum(upper(r) - lower(r)), 0) from unnest(l.skipped) r) as events from left_out l
    ), noted as (
      insert into cursor_skips (stream_id, subscription_id, move, skipped, skipped_at)
      select stream_id, $1, move, skipped, $5 from counted where events > 0
    ), taken_back as (
      update cursor_skips s set skipped = s.skipped - int8multirange(int8range(h.seq, null, '()'))
        from held h where s.stream_id = h.stream_id and s.subscription_id = $1 and not h.is_forward
    ), placed as (
      select h.stream_id, h.at, coalesce(k.events, 0) as events, h.is_forward, h.settled_seq as from_seq,
             -- what is settled behind the place was counted, except where a retry of it waited
             case when h.is_forward then 0 else h.settled_seq - h.seq + (
               select coalesce(sum(upper(r) - lower(r)), 0) from unnest(h.above * int8multirange(int8range(h.settled_seq, null, '()'))) r
             ) - (select count(*) from dropped d where d.stream_id = h.stream_id and not d.is_repeat) end as counted,
             -- what is settled right behind the place is below the new mark as well
             case when h.is_forward
               then coalesce((select upper(r) - 1 from unnest(h.above) r where r @> (h.seq + 1)), h.seq)
               else h.seq end as seq,
             case when h.is_forward then h.above else '{}' end as above
        from held h left join counted k using (stream_id)
    ), moved as (
      update cursors c set settled_seq = p.seq, settled_at = p.at, moves = c.moves + 1, skipped = c.skipped + p.events,
             repeated = c.repeated + p.counted,
             above = p.above - int8multirange(int8range(null, p.seq, '(]')),
             -- a backlog that is drained stays so: its rate is not for what comes back
             drain_seq = case when c.settled_seq < c.drain_seq then c.drain_seq else 0 end
        from placed p where c.stream_id = p.stream_id and c.subscription_id = $1
      returning p.events, case when p.is_forward then 0 else p.from_seq - p.seq end as repeated
    )
    select count(*)::int as streams, coalesce(sum(events), 0) as skipped, coalesce(sum(repeated), 0) as repeated from moved`;

/**
 * Moves cursors of a subscription. Forward: what is left out is noted, and a retry that waits for one of them goes.
 * Backward: retries and dead letters of what will be delivered again go. `moves` is raised, so that the worker that
 * holds the cursor writes nothing of what it knows any more and begins again from here. Index: primary keys.
 *
 * Race closed: the cursors are locked in one order by a statement before. So a settle that is under way comes before, with
 * the retries and dead letters that it wrote, or finds another number of moves.
 */
export async function seekCursors(
  transaction: SqlSource,
  subscriptionId: number,
  { targets, now }: { targets: readonly SeekTarget[]; now: Date },
): Promise<SeekCounts> {
  const streamIds = targets.map(({ streamId }) => streamId);
  await lockCursors(transaction, subscriptionId, streamIds);
  const [row] = await rows<{ streams: number; skipped: string; repeated: string }>(transaction, seekText, [
    subscriptionId,
    streamIds,
    targets.map(({ seq }) => seq),
    targets.map(({ at }) => at.toISOString()),
    now,
    [retryKind.retry, retryKind.alone, retryKind.delayed],
  ]);
  return { streams: row?.streams ?? 0, skipped: Number(row?.skipped ?? 0), repeated: Number(row?.repeated ?? 0) };
}
