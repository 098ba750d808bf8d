import type pg from 'pg';

/**
 * Suspends an active subscription and tells all workers to reload, in one statement. The version is raised first, as in
 * every change of the control plane, which the join makes sure of, and the announcement of the change is written with it.
 * Index: primary key. False when it was not active.
 */
export async function suspendSubscription(
  pool: pg.Pool,
  { id, reason, now }: { id: number; reason: string; now: Date },
): Promise<boolean> {
  const suspended = await pool.query(
    /* sql */ `
    with raised as (update control_state set version = version + 1 returning version), suspended as (
      update subscriptions s set state = 'suspended', state_reason = $2, updated_at = $3, announced_state = 'suspended'
        from raised, subscriptions before
       where before.id = s.id and s.id = $1 and s.state in ('active', 'stale')
      returning s.namespace, s.name, before.state as previous
    )
    insert into announcements (id, namespace, topic, subject, data, created_at)
    select gen_random_uuid()::text, namespace, 'hookcast.subscription.suspended', name,
           jsonb_build_object('subscription', name, 'state', 'suspended', 'previousState', previous, 'reason', $2::text), $3
      from suspended`,
    [id, reason, now],
  );
  return suspended.rowCount === 1;
}
