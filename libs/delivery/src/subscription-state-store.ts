import type pg from 'pg';

/**
 * Suspends an active subscription and tells all workers to reload, in one statement. The version is raised first, as in
 * every change of the control plane, which the join makes sure of. Index: primary key. False when it was not active.
 */
export async function suspendSubscription(
  pool: pg.Pool,
  { id, reason, now }: { id: number; reason: string; now: Date },
): Promise<boolean> {
  const suspended = await pool.query(
    /* sql */ `
    with raised as (update control_state set version = version + 1 returning version)
    update subscriptions s set state = 'suspended', state_reason = $2, updated_at = $3
      from raised where s.id = $1 and s.state in ('active', 'stale')`,
    [id, reason, now],
  );
  return suspended.rowCount === 1;
}
