import type pg from 'pg';

/**
 * A hook has answered for the first time at its URL: takes it down and tells all workers, in one statement. The version
 * is raised first, as in every change of the control plane, which the join makes sure of. Index: primary key.
 *
 * Race closed: when the subscription was given another URL meanwhile, nothing is written, since that one has not answered.
 */
export async function noteFirstAnswer(pool: pg.Pool, { id, url }: { id: number; url: string }): Promise<void> {
  await pool.query(
    /* sql */ `
    with raised as (
      update control_state set version = version + 1
       where exists (select 1 from subscriptions where id = $1 and url = $2 and never_answered)
      returning version
    ), noted as (
      insert into control_changes (version, subscription_ids, topic_ids) select version, array[$1::int], '{}' from raised
    )
    update subscriptions s set never_answered = false from raised
     where s.id = $1 and s.url = $2 and s.never_answered`,
    [id, url],
  );
}
