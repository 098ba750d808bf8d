import type pg from 'pg';

export interface Suspension {
  id: number;
  reason: string;
  now: Date;
  version: number;
}

/**
 * Suspends an active subscription and tells all workers to reload, in one statement. The version is raised first, as in
 * every change of the control plane, which the join makes sure of, and what it touched and the announcement are written with it.
 * Index: primary key.
 *
 * Race closed: one that was decided by an older version is refused, so that a statement which arrives late cannot undo
 * that somebody has resumed the subscription since. The worker that is refused reloads, tries the hook again, and decides
 * by what it knows then.
 *
 * @param suspension.version of the catalog that the worker decided by
 * @returns false when it was not active, or the catalog has changed since
 */
export async function suspendSubscription(pool: pg.Pool, { id, reason, now, version }: Suspension): Promise<boolean> {
  const suspended = await pool.query(
    /* sql */ `
    with raised as (
      update control_state set version = version + 1 where version = $4 returning version
    ), noted as (
      insert into control_changes (version, subscription_ids, topic_ids) select version, array[$1::int], '{}' from raised
    ), suspended as (
      update subscriptions s set state = 'suspended', state_reason = $2, updated_at = $3, announced_state = 'suspended'
        from raised, subscriptions before
       where before.id = s.id and s.id = $1 and s.state in ('active', 'stale')
      returning s.namespace, s.name, before.state as previous
    )
    insert into announcements (id, namespace, topic, subject, data, created_at)
    select gen_random_uuid()::text, namespace, 'hookcast.subscription.suspended', name,
           jsonb_build_object('subscription', name, 'state', 'suspended', 'previousState', previous, 'reason', $2::text), $3
      from suspended`,
    [id, reason, now, version],
  );
  return suspended.rowCount === 1;
}
