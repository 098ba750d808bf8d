export {
  createInbox,
  type HandledOnce,
  type Inbox,
  type InboxContext,
  type InboxOptions,
  type OnceOptions,
} from './postgres-inbox.js';
export { createMemoryInbox } from './memory-inbox.js';
export { createInboxPruning, type InboxPruning, type InboxPruningOptions } from './inbox-pruning.js';
export { inboxTableSql } from './inbox-store.js';
export type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
