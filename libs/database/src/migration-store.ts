import type pg from 'pg';
import { rows } from './sql.js';

/** Where TypeORM notes what was applied. */
export const migrationsTable = 'hookcast_migrations';

/** Any number, fixed for ever: every version of the program must ask for the same lock. */
const migrationLock = 7_311_402_551;

/**
 * Waits until no other process migrates this database, and keeps the lock until the transaction it opens here
 * ends with its connection. A transaction's lock and not a session's: behind a pooler in transaction mode a
 * session's lock would stay with whoever uses that session next.
 *
 * @param onWait called when another process has the lock.
 */
export async function holdMigrationLock(client: pg.ClientBase, onWait: () => void): Promise<void> {
  await rows(client, /* sql */ `begin`);
  await rows(
    client,
    /* sql */ `select set_config(name, '0', true)
      from unnest(array['idle_in_transaction_session_timeout', 'statement_timeout', 'lock_timeout']) as name`,
  );
  const [tried] = await rows<{ locked: boolean }>(client, /* sql */ `select pg_try_advisory_xact_lock($1) as locked`, [
    migrationLock,
  ]);
  if (tried?.locked) return;
  onWait();
  await rows(client, /* sql */ `select pg_advisory_xact_lock($1)`, [migrationLock]);
}

/** Keeps what was done under the lock on its own connection. */
export async function releaseMigrationLock(client: pg.ClientBase): Promise<void> {
  await rows(client, /* sql */ `commit`);
}

/** Names of the applied migrations, oldest first; none when nothing was ever applied. */
export async function readAppliedMigrations(client: pg.ClientBase): Promise<string[]> {
  const [table] = await rows<{ exists: boolean }>(client, /* sql */ `select to_regclass($1) is not null as exists`, [
    migrationsTable,
  ]);
  if (!table?.exists) return [];
  const applied = await rows<{ name: string }>(client, /* sql */ `select name from hookcast_migrations order by id`);
  return applied.map((row) => row.name);
}
