import type pg from 'pg';
import { rows } from './sql.js';

/** What decides whether a server may hold the log. */
export interface ServerFacts {
  /** As in server_version_num: 150020 is 15.20. */
  versionNumber: number;
  fsync: string;
  /** The default of a new session of this role in this database. */
  synchronousCommit: string;
  encoding: string;
  standby: boolean;
  readOnly: boolean;
  /** Where unqualified tables would be created; null when search_path names no schema that exists. */
  schema: string | null;
  mayCreate: boolean;
  backendPid: number;
}

/** Reads settings and functions only, no table. */
export async function readServerFacts(client: pg.ClientBase): Promise<ServerFacts> {
  const [facts] = await rows<ServerFacts>(
    client,
    /* sql */ `
    select current_setting('server_version_num')::int as "versionNumber",
      current_setting('fsync') as "fsync",
      current_setting('synchronous_commit') as "synchronousCommit",
      current_setting('server_encoding') as "encoding",
      pg_is_in_recovery() as "standby",
      current_setting('transaction_read_only') = 'on' as "readOnly",
      current_schema()::text as "schema",
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
      pg_backend_pid() as "backendPid"`,
  );
  if (!facts) throw new Error('Postgres answered no row');
  return facts;
}

/** What holds from one statement of a connection to the next. */
export interface SessionFacts {
  /** Two statements may run in different sessions of the server: a pooler in transaction mode is in between. */
  sharedSessions: boolean;
  /** A named statement that was prepared before can be executed. */
  preparedStatements: boolean;
}

/** What a connection without a pooler offers. */
export const directSession: SessionFacts = { sharedSessions: false, preparedStatements: true };

/**
 * Looks whether `client` keeps its session. A pooler lends the session that was given back last: so `other` opens
 * a transaction right after `client` gave its session back, takes it, and `client` then misses what it left there.
 */
export async function probeSession(client: pg.ClientBase, other: pg.ClientBase): Promise<SessionFacts> {
  const mark = `mark-${process.pid}-${process.hrtime.bigint()}`;
  const prepared = { name: 'hookcast_probe', text: /* sql */ `select 1` };
  await client.query(prepared);
  await rows(client, /* sql */ `select set_config('hookcast.session_mark', $1, false)`, [mark]);
  await rows(other, /* sql */ `begin`);
  try {
    await rows(other, /* sql */ `select 1`);
    const seen = await rows<{ mark: string | null }>(
      client,
      /* sql */ `select current_setting('hookcast.session_mark', true) as mark`,
    );
    const preparedStatements = await client.query(prepared).then(
      () => true,
      () => false,
    );
    return { sharedSessions: seen[0]?.mark !== mark, preparedStatements };
  } finally {
    await rows(other, /* sql */ `rollback`);
  }
}
