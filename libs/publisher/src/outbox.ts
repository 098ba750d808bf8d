export { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions, type OutboxRound } from './outbox-relay.js';
export type { OutboxClient, OutboxPool } from './outbox-listener.js';
export { outboxTableSql } from './outbox-store.js';
