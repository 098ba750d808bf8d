/**
 * What runs statements in a transaction of the service: the EntityManager or QueryRunner of TypeORM, or a client of `pg`
 * after `begin`. Only this method is used, so neither package is needed.
 */
export interface SqlTransaction {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** TypeORM answers with the rows themselves, `pg` with an object around them. */
export function rowsOf(result: unknown): Record<string, unknown>[] {
  const rows: unknown = Array.isArray(result) ? result : memberOf(result, 'rows');
  return Array.isArray(rows) ? rows.filter(isObject) : [];
}

/**
 * Outside a transaction every statement would be committed by itself, which promises nothing.
 *
 * @throws {TypeError} when it can be seen that there is none
 */
export function assertInTransaction(transaction: SqlTransaction): void {
  if (!isOutside(transaction)) return;
  throw new TypeError(
    'This is not in a transaction: pass the manager that dataSource.transaction() gives, a QueryRunner after ' +
      'startTransaction(), or a pg client after `await client.query("begin")`.',
  );
}

function isOutside(runner: SqlTransaction): boolean {
  const status = memberOf(runner, 'getTransactionStatus');
  // `pg`: I is idle; null is unknown.
  if (typeof status === 'function') return Reflect.apply(status, runner, []) === 'I';
  // A pool takes another client for each statement.
  if (memberOf(runner, 'totalCount') !== undefined) return true;
  const isActive = memberOf(runner, 'isTransactionActive');
  if (typeof isActive === 'boolean') return !isActive;
  // EntityManager and DataSource: the first has a QueryRunner while it is in a transaction.
  if (typeof memberOf(runner, 'transaction') !== 'function') return false;
  return memberOf(memberOf(runner, 'queryRunner'), 'isTransactionActive') !== true;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const memberOf = (value: unknown, name: string): unknown => (isObject(value) ? Reflect.get(value, name) : undefined);

/**
 * The name of a table, quoted, with its schema if there is one.
 *
 * @throws {TypeError} when it is none
 */
export function tableName(name: string): string {
  if (!/^[A-Za-z_]\w{0,50}(?:\.[A-Za-z_]\w{0,50})?$/.test(name)) throw new TypeError(`"${name}" is no name of a table`);
  return name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
