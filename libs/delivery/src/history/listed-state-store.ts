import { attemptOutcome } from '../settling/settle-batch.js';
import type { DeliveryState } from './delivery-state.js';

/** `ended`: delivered, dropped by the hook, or discarded. */
export type ListedState = DeliveryState | 'ended';

/**
 * Attempts carry the time of their worker and events that of the database. The condition is there to leave out days, so
 * it may be generous.
 */
export const clockSkew = `interval '1 hour'`;

/** What was left out when the cursor was moved forward by hand. Index: primary key. */
export const leftOut = (cursor: string, seq: string): string => /* sql */ `
  select 1 from cursor_skips x where x.stream_id = ${cursor}.stream_id and x.subscription_id = ${cursor}.subscription_id
     and x.skipped @> ${seq}`;

const lastOutcome = /* sql */ `
  select a.outcome from attempts a
   where a.stream_id = c.stream_id and a.subscription_id = c.subscription_id and a.seq = e.seq
     and a.created_at >= e.created_at - ${clockSkew}
   order by a.created_at desc, a.attempt_no desc limit 1`;

/** Of what is settled and neither waits nor is dead. The highest settled position spares it a walk through the backlog. */
const settledKeys = (condition: string): string => /* sql */ `
  select c.stream_id, e.seq, e.created_at from cursors c
   join subscriptions s on s.id = c.subscription_id
   cross join lateral (
     select seq, created_at from events e cross join lateral (select (${lastOutcome}) as outcome) last
      where e.stream_id = c.stream_id and (e.seq <= c.settled_seq or c.above @> e.seq)
        and e.seq <= greatest(c.settled_seq, coalesce(upper(c.above) - 1, 0))
        and (e.created_at, -e.stream_id, e.seq) < ($2, -$3::int, $4::int8)
        and not exists (select 1 from retries r
                         where r.stream_id = c.stream_id and r.subscription_id = c.subscription_id and r.seq = e.seq)
        and not exists (select 1 from dead_letters d
                         where d.stream_id = c.stream_id and d.subscription_id = c.subscription_id and d.seq = e.seq)
        and ${condition}
      order by e.seq desc limit $5) e
   where c.subscription_id = $1`;

const wasLeftOut = /* sql */ `exists (${leftOut('c', 'e.seq')})`;
const noTrace = /* sql */ `last.outcome is null`;

/** As `deliveryState` has it, for what is settled and neither waits nor is dead: what the hook or an operator said comes first. */
const settledStates = {
  dropped: /* sql */ `last.outcome = ${attemptOutcome.dropped}`,
  discarded: /* sql */ `last.outcome = ${attemptOutcome.discarded}`,
  skipped: /* sql */ `coalesce(last.outcome, 0) not in (${attemptOutcome.dropped}, ${attemptOutcome.discarded})
     and ((${noTrace} and e.created_at < s.created_at)
       or (last.outcome is distinct from ${attemptOutcome.delivered} and ${wasLeftOut}))`,
  unknown: /* sql */ `${noTrace} and c.filtered > 0 and e.created_at >= s.created_at and not ${wasLeftOut}`,
};

/** Keys of deliveries, for each state its own source; all of them newest event first. */
export const keysOf: Record<ListedState, string> = {
  pending: /* sql */ `
    select c.stream_id, e.seq, e.created_at from cursors c
     cross join lateral (
       select seq, created_at from events e
        where e.stream_id = c.stream_id and e.seq > c.settled_seq and e.created_at >= c.settled_at and not c.above @> e.seq
          and (e.created_at, -e.stream_id, e.seq) < ($2, -$3::int, $4::int8)
        order by e.seq desc limit $5) e
     where c.subscription_id = $1
    union all
    select r.stream_id, r.seq, r.event_at from cursors c
     cross join lateral (
       select stream_id, seq, event_at from retries r
        where r.stream_id = c.stream_id and r.subscription_id = c.subscription_id and r.kind = 1
          and (r.event_at, -r.stream_id, r.seq) < ($2, -$3::int, $4::int8)
        order by r.seq desc limit $5) r
     where c.subscription_id = $1`,
  retrying: /* sql */ `
    select r.stream_id, r.seq, r.event_at as created_at from cursors c
     cross join lateral (
       select stream_id, seq, event_at from retries r
        where r.stream_id = c.stream_id and r.subscription_id = c.subscription_id and r.kind <> 1
          and (r.event_at, -r.stream_id, r.seq) < ($2, -$3::int, $4::int8)
        order by r.seq desc limit $5) r
     where c.subscription_id = $1`,
  delivered: settledKeys(
    `not (${Object.values(settledStates)
      .map((is) => `coalesce(${is}, false)`)
      .join(' or ')})`,
  ),
  ended: settledKeys(`not (coalesce(${settledStates.skipped}, false) or coalesce(${settledStates.unknown}, false))`),
  dropped: settledKeys(settledStates.dropped),
  discarded: settledKeys(settledStates.discarded),
  skipped: settledKeys(settledStates.skipped),
  unknown: settledKeys(settledStates.unknown),
  dead: /* sql */ `
    select d.stream_id, d.seq, d.event_at as created_at from cursors c
     cross join lateral (
       select stream_id, seq, event_at from dead_letters d
        where d.stream_id = c.stream_id and d.subscription_id = c.subscription_id
          and (d.event_at, -d.stream_id, d.seq) < ($2, -$3::int, $4::int8)
        order by d.seq desc limit $5) d
     where c.subscription_id = $1`,
};
