import type pg from 'pg';
import { rows } from './sql.js';

/** Arbitrary, fixed for ever: 'hookcast' read as a number would not fit. */
const migrationLock = 7_311_402_551;

/**
 * Waits until no other process migrates this database and keeps the lock until the connection's transaction ends
 * (or the connection breaks). A transaction lock and not a session lock, because behind a pooler in transaction
 * mode a session lock stays with a server connection that somebody else uses next.
 */
export async function holdMigrationLock(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `begin`);
  await rows(client, /* sql */ `set local idle_in_transaction_session_timeout = 0`);
  await rows(client, /* sql */ `set local statement_timeout = 0`);
  await rows(client, /* sql */ `set local lock_timeout = 0`);
  await rows(client, /* sql */ `select pg_advisory_xact_lock($1)`, [migrationLock]);
}
