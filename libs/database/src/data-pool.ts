import pg from 'pg';
import { sessionHook, type SessionSettings } from './session-store.js';

export interface DataPoolOptions {
  /** Most connections this pool opens. @default 10 */
  max?: number;
  /** Shown in pg_stat_activity. @default 'hookcast' */
  applicationName?: string;
  /** @default 'on' */
  synchronousCommit?: 'on' | 'off';
  /** @default 30000 */
  statementTimeoutMs?: number;
  /** Told about every connection that broke; the pool replaces it by itself. */
  onConnectionError?: (error: Error) => void;
}

/**
 * Far above what any statement here needs, and short enough that a hung one gives its lock on a stream back:
 * a process stopped in the middle of a transaction would hold up every publisher of that stream.
 */
export const defaultSession: SessionSettings = {
  synchronousCommit: 'on',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 30_000,
};

/**
 * When the client gives a statement up by itself, five seconds after the server should have: that one has gone
 * silent then. Without it a server that vanished from the network holds its connections for a quarter of an hour.
 */
export function clientTimeoutMs(session: SessionSettings): number | undefined {
  return session.statementTimeoutMs === 0 ? undefined : session.statementTimeoutMs + 5_000;
}

/** Milliseconds to reach the server and log in. */
export const connectTimeoutMs = 10_000;

/**
 * The pool of the data plane: raw node-postgres, type parsers untouched (int8 arrives as text).
 *
 * A connection is handed out only after its session was set up, so no statement ever runs with another
 * synchronous_commit. A broken connection never crashes the process: the statement in flight rejects, the pool
 * opens a new connection for the next one.
 */
export function createDataPool(url: string, options: DataPoolOptions = {}): pg.Pool {
  const session: SessionSettings = {
    ...defaultSession,
    synchronousCommit: options.synchronousCommit ?? defaultSession.synchronousCommit,
    statementTimeoutMs: options.statementTimeoutMs ?? defaultSession.statementTimeoutMs,
  };
  const report = options.onConnectionError ?? (() => {});
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'hookcast',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // logging in takes longer than a statement: at a low rate every publish would pay for it
    idleTimeoutMillis: 300_000,
    query_timeout: clientTimeoutMs(session),
    verify: sessionHook(session),
  });
  // The pool itself listens for errors of idle connections only. One that breaks between two statements of a
  // borrower would emit 'error' with nobody listening and end the process. So every connection reports its own,
  // and what the pool says of idle ones is a repetition.
  pool.on('connect', (client) => client.on('error', report));
  pool.on('error', () => {});
  return pool;
}
