import type pg from 'pg';
import { within } from '../timing/patience.js';

const patienceMs = 3_500;

/** SQLSTATEs of servers that have no such function, or do not let this role ask: what they lose, they do not tell. */
const silent = ['0A000', '42501', '42883'];

/**
 * Names the history that the server writes on: another one after every promotion of a standby. Asks no table.
 *
 * @returns undefined when the server cannot say
 * @throws also on a standby, which has none of its own before it is promoted
 */
export async function readTimeline(pool: pg.Pool): Promise<string | undefined> {
  try {
    const found = await pool.query<{ timeline: string }>(
      within(patienceMs, {
        name: 'timeline',
        text: /* sql */ `select substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) as timeline`,
        values: [],
      }),
    );
    return found.rows[0]?.timeline;
  } catch (error) {
    if (error instanceof Error && 'code' in error && silent.includes(String(error.code))) return undefined;
    throw error;
  }
}
