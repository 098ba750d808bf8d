import type pg from 'pg';

/** Dead letters of one subscription that died of the same kind of error. */
export interface DeadLetterGroup {
  subscriptionId: number;
  fingerprint: string;
  count: number;
  /** False when there are more than were counted. */
  isExact: boolean;
  firstAt: Date;
  lastAt: Date;
  /** Of the one that was given up last. */
  reason: string;
  error: string | null;
  status: number | null;
  eventId: string;
  topic: string;
}

interface GroupColumns {
  subscription_id: number;
  fingerprint: string;
  count: number;
  first_at: Date;
  dead_at: Date;
  reason: string;
  error: string | null;
  http_status: number | null;
  event_id: string;
  topic: string;
}

/** Dead letters of one group that are counted; a group that has more says so. */
const mostCounted = 10_000;

/** $1 subscriptions, $2 and $3 the group before, $4 how many. */
const groupsText = /* sql */ `
    with groups as (
      select wanted.subscription_id, g.fingerprint
        from unnest($1::int[]) as wanted(subscription_id)
       cross join lateral (
         with recursive skip as (
           (select fingerprint, 1 as nth from dead_letters
             where subscription_id = wanted.subscription_id
               and fingerprint > case when wanted.subscription_id = $2 then $3::text collate "C" else '' end
             order by fingerprint limit 1)
           union all
           select next.fingerprint, skip.nth + 1 from skip cross join lateral (
             select fingerprint from dead_letters
              where subscription_id = wanted.subscription_id and fingerprint > skip.fingerprint
              order by fingerprint limit 1) next
            where skip.nth < $4)
         select fingerprint from skip) g
       where wanted.subscription_id >= $2
       order by wanted.subscription_id, g.fingerprint limit $4)
    select g.subscription_id, g.fingerprint, counted.count, oldest.dead_at as first_at, youngest.*
      from groups g
     cross join lateral (
       select count(*)::int as count from (
         select 1 from dead_letters
          where subscription_id = g.subscription_id and fingerprint = g.fingerprint limit ${mostCounted + 1}) d) counted
     cross join lateral (
       select dead_at from dead_letters
        where subscription_id = g.subscription_id and fingerprint = g.fingerprint order by dead_at limit 1) oldest
     cross join lateral (
       select dead_at, reason, error, http_status, event_id, topic from dead_letters
        where subscription_id = g.subscription_id and fingerprint = g.fingerprint order by dead_at desc limit 1) youngest
     order by g.subscription_id, g.fingerprint`;

/**
 * The groups of these subscriptions, by subscription and fingerprint. The index dead_letters_by_fingerprint is skipped
 * through from group to group, and of each no more than a bounded stretch of it is counted: the cost follows the
 * groups of a page, not the dead letters.
 */
export async function listDeadLetterGroups(
  pool: pg.Pool,
  query: {
    subscriptionIds: readonly number[];
    after?: { subscriptionId: number; fingerprint: string };
    limit: number;
  },
): Promise<DeadLetterGroup[]> {
  const { subscriptionIds, after = { subscriptionId: 0, fingerprint: '' }, limit } = query;
  const found = await pool.query<GroupColumns>(groupsText, [
    subscriptionIds,
    after.subscriptionId,
    after.fingerprint,
    limit,
  ]);
  return found.rows.map(toGroup);
}

function toGroup(row: GroupColumns): DeadLetterGroup {
  return {
    subscriptionId: row.subscription_id,
    fingerprint: row.fingerprint,
    count: Math.min(row.count, mostCounted),
    isExact: row.count <= mostCounted,
    firstAt: row.first_at,
    lastAt: row.dead_at,
    reason: row.reason,
    error: row.error,
    status: row.http_status,
    eventId: row.event_id,
    topic: row.topic,
  };
}
