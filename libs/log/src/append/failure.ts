import pg from 'pg';

/**
 * Why a flush did not succeed:
 * - refused: the statement said no (a conflict, a stream that is gone, another day); nothing is stored, ask why
 * - raced: another process was in between; nothing is stored, try again
 * - no-day: the day has no partition yet; nothing is stored
 * - data: Postgres took exception to the content; nothing is stored, one request is at fault
 * - disconnected: whether it was stored is unknown, and the connection is of no use any more
 * - unavailable: nothing is stored, the server cannot do it now
 * - full: nothing is stored, the server has no space left
 */
export type Failure = 'refused' | 'raced' | 'no-day' | 'data' | 'disconnected' | 'unavailable' | 'full';

const byCode = new Map<string, Failure>([
  ['22012', 'refused'], // division_by_zero: how the append statement refuses
  ['23505', 'raced'], // unique_violation: the same id was stored since the snapshot
  ['40001', 'raced'], // serialization_failure
  ['40P01', 'raced'], // deadlock_detected
  ['42P01', 'no-day'], // undefined_table
  ['0A000', 'disconnected'], // "cached plan must not change result type": a new connection plans anew
  ['26000', 'disconnected'], // invalid_sql_statement_name: a pooler switched servers
  ['25006', 'disconnected'], // read_only_sql_transaction: this server is not the primary any more
  ['53100', 'full'], // disk_full
  ['53300', 'disconnected'], // too_many_connections
]);

const byClass = new Map<string, Failure>([
  ['08', 'disconnected'], // connection exception
  ['57', 'disconnected'], // operator intervention: shutdown, crash of another backend
  ['22', 'data'], // data exception
  ['23', 'data'], // integrity constraint violation
  ['54', 'data'], // program limit exceeded
]);

/** Sorts what node-postgres threw. Source of the codes: PostgreSQL documentation, appendix A. */
export function failureOf(error: unknown): Failure {
  // Everything else that node-postgres throws is about the connection: reset, closed, timed out.
  if (!(error instanceof pg.DatabaseError)) return 'disconnected';
  const code = error.code ?? '';
  if (code === '57014') return 'unavailable'; // query_canceled: the statement ran into its timeout
  return byCode.get(code) ?? byClass.get(code.slice(0, 2)) ?? 'unavailable';
}

/** What to tell of an error: no statement, no parameters. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (error instanceof pg.DatabaseError) return `${error.message} (${error.code ?? 'no code'})`;
  return error instanceof Error ? error.message : String(error);
}
