import type { QueryConfig } from 'pg';

/**
 * A statement that is given up after a while by this side. The pool's own limit suits slow statements; one that is quick
 * by nature is on a connection that has gone silent, and what waits for it (a lease, results) cannot wait as long.
 */
export function within<T extends QueryConfig>(timeoutMs: number, statement: T): T & { query_timeout: number } {
  // node-postgres takes the limit per statement, its types do not name it.
  return { ...statement, query_timeout: timeoutMs };
}
