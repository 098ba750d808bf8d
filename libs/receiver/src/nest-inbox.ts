import type { EventContext } from './event-context.js';
import { createInboxPruning, type InboxPruning } from './inbox-pruning.js';
import { inTransaction, type InboxConnection } from './inbox-transaction.js';
import type { DecoratedHandler } from './nest-handlers.js';
import { createInbox, type InboxOptions } from './postgres-inbox.js';

/** The inbox of an application, for handlers that say `inbox: true`. */
export interface HookcastInboxOptions extends InboxOptions {
  /** Where the handlers' transactions are opened: a DataSource of TypeORM, or a pool of `pg`. */
  connection: InboxConnection;
  /** How long a handled event is remembered: longer than the broker may deliver it again. @default 14 */
  retentionDays?: number | undefined;
}

/**
 * Runs handlers that ask for it in a transaction of their own, together with the note that their event was handled; the
 * transaction is their last argument. An event that was handled is settled without them.
 *
 * @throws {TypeError} when there is no inbox, or two handlers would be taken for one
 */
export function withInbox(
  handlers: readonly DecoratedHandler[],
  options: HookcastInboxOptions | undefined,
): DecoratedHandler[] {
  const names = new Map<string, DecoratedHandler['handle']>();
  return handlers.map((handler) => {
    const { inbox: wanted, ...settings } = handler.options;
    if (wanted === undefined || wanted === false) return { ...handler, options: settings };
    if (options === undefined) {
      throw new TypeError(`${handler.name} wants an inbox: give the module \`inbox: { connection }\`.`);
    }
    const name = wanted === true ? handler.name : wanted.handler;
    if ((names.get(name) ?? handler.handle) !== handler.handle) {
      throw new TypeError(`Two handlers are "${name}" in the inbox: name one with \`inbox: { handler: '…' }\`.`);
    }
    names.set(name, handler.handle);
    return { ...handler, options: settings, handle: onceHandler(handler.handle, name, options) };
  });
}

function onceHandler(
  handle: DecoratedHandler['handle'],
  handler: string,
  { connection, table }: HookcastInboxOptions,
): DecoratedHandler['handle'] {
  const inbox = createInbox({ table });
  return async (data: unknown, context: EventContext) =>
    inTransaction(connection, async (transaction) =>
      inbox.once(transaction, context, async () => handle(data, context, transaction), { handler }),
    );
}

/** Forgets what was handled long ago; undefined without an inbox. */
export function pruningOf(
  options: HookcastInboxOptions | undefined,
  onError: (error: unknown) => void,
): InboxPruning | undefined {
  return options && createInboxPruning({ ...options, onError });
}
