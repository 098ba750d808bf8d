import { QueryRunnerAlreadyReleasedError } from 'typeorm';

/** SQLSTATE classes and codes (appendix A of the Postgres manual) that say "not now" rather than "not like this". */
const transientStates = [
  '08', // connection exception
  '53', // insufficient resources: too many connections, disk full, out of memory
  '58', // system error, e.g. I/O
  '57P', // shut down by an administrator or a crash, cannot connect now
  '57014', // statement_timeout
  '55P03', // lock_timeout
  '40001', // serialization failure
  '40P01', // deadlock: the other one won
  '25006', // a primary that became a standby: read-only transaction
  '25P03', // idle_in_transaction_session_timeout
];

const networkCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
];

/** node-postgres reports these with a message only. */
const clientMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end|Driver not Connected)|not queryable/i;

/**
 * Whether an error says that the database is away, full or too slow just now, so that the same statement may
 * succeed later: the answer is 503 and not 500. What the statement did is unknown; it may have been committed.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if (saysNotNow(at)) return true;
    at = 'driverError' in at ? at.driverError : at.cause;
  }
  return false;
}

function saysNotNow(error: Error): boolean {
  // TypeORM gives the runner of a broken connection up, and says only that when the next statement comes.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (networkCodes.includes(code) || clientMessages.test(error.message)) return true;
  // a missing file has the same code as a missing Unix socket
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect';
  return /^[0-9A-Z]{5}$/.test(code) && transientStates.some((state) => code.startsWith(state));
}
