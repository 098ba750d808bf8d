import { callbackify } from 'node:util';
import type pg from 'pg';
import { rows } from './sql.js';

/** What every connection of this program insists on, whatever the server, database or role defaults to. */
export interface SessionSettings {
  /** `on`: COMMIT answers only after the WAL (and a synchronous standby, if any) is on disk. */
  synchronousCommit: 'on' | 'off';
  /** Milliseconds a single statement may run on the server; 0 means without limit. */
  statementTimeoutMs: number;
  /** Milliseconds a statement may wait for a lock; 0 means without limit. */
  lockTimeoutMs: number;
  /** Milliseconds a transaction may sit idle before the server ends it and frees its locks; 0 means without limit. */
  idleInTransactionTimeoutMs: number;
}

/**
 * Sets the session up in one round trip, with SET rather than with startup parameters: poolers in front of
 * Postgres (PgBouncer, Supavisor ...) refuse connections that carry startup parameters they do not know.
 */
async function applySession(client: pg.ClientBase, settings: SessionSettings): Promise<void> {
  await rows(
    client,
    /* sql */ `
    select set_config('synchronous_commit', $1, false), set_config('statement_timeout', $2, false),
      set_config('lock_timeout', $3, false), set_config('idle_in_transaction_session_timeout', $4, false),
      set_config('timezone', 'UTC', false)`,
    [
      settings.synchronousCommit,
      String(settings.statementTimeoutMs),
      String(settings.lockTimeoutMs),
      String(settings.idleInTransactionTimeoutMs),
    ],
  );
}

/** The same as a pool's `verify` hook: a connection whose session could not be set up is never handed out. */
export function sessionHook(settings: SessionSettings) {
  return callbackify((client: pg.ClientBase) => applySession(client, settings));
}
