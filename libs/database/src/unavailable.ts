import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';

/** SQLSTATE classes and codes (appendix A of the Postgres manual) that say "not now" rather than "not like this". */
const transientStates = [
  '08', // connection exception
  '53', // insufficient resources: too many connections, disk full, out of memory
  '58', // system error, e.g. I/O
  '57P', // shut down by an administrator or a crash, cannot connect now
  '57014', // statement_timeout
  '55P03', // lock_timeout
  '25006', // a primary that became a standby: read-only transaction
  '25P03', // idle_in_transaction_session_timeout
];

const networkCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT', // the Unix socket is gone
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
];

/** node-postgres reports these with a message only. */
const clientMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end)/;

/**
 * Whether an error says that the database is away, full or too slow just now, so that the same statement may
 * succeed later: the answer is 503 and not 500. What the statement did is unknown; it may have been committed.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof QueryFailedError) return isDatabaseUnavailable(error.driverError);
  // TypeORM gives the runner of a broken connection up, and says only that when the next statement comes.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (networkCodes.includes(code) || clientMessages.test(error.message)) return true;
  return /^[0-9A-Z]{5}$/.test(code) && transientStates.some((state) => code.startsWith(state));
}
