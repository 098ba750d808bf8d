import type pg from 'pg';

/** What there is to do for those that look once a second. */
export interface Signs {
  /** Of the control plane. */
  version: number;
  /** Something was written down to be told, or a delivery died that was not told of. */
  hasNews: boolean;
  /** A hook is to be asked whether it wants events. */
  hasHandshakes: boolean;
  /** A service stopped renewing the lease of a subscription. */
  hasLapsedLeases: boolean;
}

interface SignsRow {
  version: string;
  has_news: boolean;
  has_handshakes: boolean;
  has_lapsed_leases: boolean;
}

/** Indexes: dead_letters_unannounced. The other tables are small: subscriptions are thousands at most. */
export async function readSigns(pool: pg.Pool, now: Date): Promise<Signs> {
  const { rows } = await pool.query<SignsRow>({
    name: 'control-signs',
    text: /* sql */ `
    select (select version from control_state) as version,
      exists (select 1 from announcements) or exists (select 1 from dead_letters where not announced) as has_news,
      coalesce(bool_or(handshake_at <= $1), false) as has_handshakes,
      coalesce(bool_or(state = 'active' and leased_until < $1), false) as has_lapsed_leases
    from subscriptions`,
    values: [now],
  });
  const [row] = rows;
  if (!row) throw new Error('The statement returned no row');
  return {
    version: Number(row.version),
    hasNews: row.has_news,
    hasHandshakes: row.has_handshakes,
    hasLapsedLeases: row.has_lapsed_leases,
  };
}
