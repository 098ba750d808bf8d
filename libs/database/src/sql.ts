import type pg from 'pg';
import { EntityManager } from 'typeorm';

/** Anything a statement can run on: a TypeORM manager (inside its transaction, when it has one) or node-postgres. */
export type SqlSource = EntityManager | pg.Pool | pg.ClientBase;

/**
 * Runs one statement and returns its rows, whatever the source and whatever the verb.
 *
 * TypeORM's own `query()` answers rows for INSERT but `[rows, count]` for UPDATE and DELETE; only its structured
 * result is uniform, and only a query runner exposes that. Values arrive as node-postgres parses them: int8 and
 * numeric as text.
 *
 * @throws pg.DatabaseError on a pool or client, TypeORM's QueryFailedError (with `driverError`) on a manager.
 */
export async function rows<T>(source: SqlSource, text: string, params: unknown[] = []): Promise<T[]> {
  if (source instanceof EntityManager) return managerRows<T>(source, text, params);
  const result = await source.query<T & pg.QueryResultRow>(text, params);
  return result.rows;
}

async function managerRows<T>(manager: EntityManager, text: string, params: unknown[]): Promise<T[]> {
  const open = manager.queryRunner;
  // Outside a transaction the manager has no runner of its own: borrow one and give its connection back.
  const runner = open ?? manager.dataSource.createQueryRunner();
  try {
    const result = await runner.query(text, params, true);
    return result.records;
  } finally {
    if (!open) await runner.release();
  }
}
