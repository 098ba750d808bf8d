/** SQLSTATE classes and codes after which the same request may succeed later without anybody changing it. */
const passing = /^(?:08|53|57P|58)|^(?:25006|40001|40P01|55P03|57014)$/;

const network = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What node-postgres says, without a code, when a connection ends or cannot be had in time. */
const words =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Driver not Connected/i;

/**
 * True when an error means "the database is away or cannot commit now", whichever layer wrapped it. Such a
 * request is answered with 503 and Retry-After; any other error of the database is a bug and stays a 500.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if (isPassing(at)) return true;
    at = 'driverError' in at ? at.driverError : at.cause;
  }
  return false;
}

function isPassing(error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code !== undefined && (passing.test(code) || isNetworkFault(error, code))) return true;
  return error instanceof AggregateError ? error.errors.some(isDatabaseUnavailable) : words.test(error.message);
}

/** A missing file has the same code as a missing Postgres socket; only the latter comes from `connect`. */
function isNetworkFault(error: Error, code: string): boolean {
  return network.has(code) && (code !== 'ENOENT' || ('syscall' in error && error.syscall === 'connect'));
}
