import type { EventContext } from './event-context.js';
import { claimKey, inboxTableSql } from './inbox-store.js';
import { assertInTransaction, tableName, type SqlTransaction } from '@hookcast/protocol/sql-transaction';

export interface InboxOptions {
  /** With its schema, if it is not on the search path. @default 'hookcast_inbox' */
  table?: string | undefined;
}

export interface OnceOptions {
  /**
   * Which handler this is, when several handle the same event of one subscription: each has its own once. Keep it when the
   * code moves.
   *
   * @default ''
   */
  handler?: string | undefined;
}

export type HandledOnce<T> =
  | { kind: 'handled'; value: T }
  /** The effect exists already; nothing was done. */
  | { kind: 'duplicate' };

/** The context of an event; one put together by hand may leave `dedupeScope` out, which is then the subscription. */
export type InboxContext = Pick<EventContext, 'id'> & Partial<Pick<EventContext, 'subscription' | 'dedupeScope'>>;

/** What ids are unique within. */
export const scopeOf = ({ dedupeScope, subscription = '' }: InboxContext): string => dedupeScope ?? subscription;

/** Makes the effect of an event exist once, however often the event is delivered. */
export interface Inbox {
  /**
   * Runs the effect unless this event of this subscription was handled before. What it writes with `transaction`, and that
   * it was handled, are committed together or not at all.
   *
   * @param transaction an open transaction, which the caller commits; let it be rolled back when this rejects
   * @throws {TypeError} when there is no open transaction
   */
  once<T>(
    transaction: SqlTransaction,
    context: InboxContext,
    effect: () => Promise<T> | T,
    options?: OnceOptions,
  ): Promise<HandledOnce<T>>;
  /** Makes the table, when it is not there; for services whose migrations do not. */
  createTable(connection: SqlTransaction): Promise<void>;
}

/**
 * An inbox in a table of the service's own Postgres.
 *
 * @example
 * const inbox = createInbox();
 * const onOrder = (order: Order, context: EventContext) =>
 *   dataSource.transaction(async (tx) => {
 *     await inbox.once(tx, context, () => tx.save(invoiceOf(order)));
 *   });
 *
 * @throws {TypeError} when the table's name is none
 */
export function createInbox({ table = 'hookcast_inbox' }: InboxOptions = {}): Inbox {
  tableName(table);
  return {
    once: async (transaction, context, effect, { handler = '' } = {}) => {
      assertInTransaction(transaction);
      const key = { subscription: scopeOf(context), eventId: context.id, handler };
      const isFirst = await claimKey(transaction, table, key);
      return isFirst ? { kind: 'handled', value: await effect() } : { kind: 'duplicate' };
    },
    createTable: async (connection) => void (await connection.query(inboxTableSql(table))),
  };
}
