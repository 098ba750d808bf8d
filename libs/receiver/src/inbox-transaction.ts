import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';

/** Where transactions of the service are opened: a DataSource of TypeORM, or a pool of `pg`. */
export type InboxConnection = SqlTransaction &
  ({ transaction<T>(work: (manager: SqlTransaction) => Promise<T>): Promise<T> } | { connect(): Promise<InboxClient> });

/** As much of a client of `pg` as is used. */
export interface InboxClient extends SqlTransaction {
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  /** @param destroy true to close the connection */
  release(destroy?: boolean): void;
}

/** Runs the work in a transaction of its own, which is committed when it resolves and rolled back when it rejects. */
export async function inTransaction<T>(
  connection: InboxConnection,
  work: (transaction: SqlTransaction) => Promise<T>,
): Promise<T> {
  if ('transaction' in connection) return connection.transaction(work);
  const client = await connection.connect();
  client.on('error', ignore);
  let isUsable = false;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    isUsable = true;
    return result;
  } catch (error) {
    isUsable = await rolledBack(client);
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(!isUsable);
  }
}

/** Without a listener, a connection that breaks while the handler does something else would end the process. */
const ignore = () => {};

/** False when the connection is in an unknown state. */
async function rolledBack(client: InboxClient): Promise<boolean> {
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}
