import type pg from 'pg';

/** Milliseconds for which whoever took a subscription asks its hook alone. */
const leaseMs = 60_000;

/**
 * Takes subscriptions whose hook is to be asked, so that no two processes ask the same one. A scan: subscriptions are
 * thousands at most.
 */
export async function takeDueHandshakes(
  pool: pg.Pool,
  { now, limit }: { now: Date; limit: number },
): Promise<number[]> {
  const taken = await pool.query<{ id: number }>(
    /* sql */ `
    update subscriptions set handshake_at = $2
     where id in (select id from subscriptions where handshake_at <= $1 order by handshake_at limit $3
                     for update skip locked)
    returning id`,
    [now, new Date(now.getTime() + leaseMs), limit],
  );
  return taken.rows.map(({ id }) => id);
}
