import type { TopicData, TopicName } from '@hookcast/protocol';
import type { BatchEvent } from './publisher.js';
import type { EventOptions, OutgoingEvent } from './outgoing-event.js';
import { insertEvents } from './outbox-store.js';
import type { PublisherSettings } from './settings.js';
import { assertInTransaction, type SqlTransaction } from '@hookcast/protocol/sql-transaction';

/** An event that stands or falls with the transaction. Its id is the one it will have at the broker. */
export interface OutboxEvent {
  id: string;
  topic: string;
}

/** Publishes by writing into the service's own database, in the service's own transaction. */
export interface Outbox {
  /**
   * Writes one event; it is published by a relay once the transaction has committed, and never when it is rolled back.
   *
   * @throws {PublishError} `invalid-event`
   */
  publish<T extends TopicName>(topic: T, data?: TopicData<T>, options?: EventOptions): Promise<OutboxEvent>;
  /** Writes events of one topic in one statement. */
  publishBatch<T extends TopicName>(topic: T, events: readonly BatchEvent<TopicData<T>>[]): Promise<OutboxEvent[]>;
}

/** @throws {TypeError} when there is no open transaction */
export function outboxOf(
  transaction: SqlTransaction,
  settings: PublisherSettings['outbox'],
  draft: (topic: string, event: BatchEvent) => OutgoingEvent,
): Outbox {
  assertInTransaction(transaction);
  const publishBatch = async (topic: string, events: readonly BatchEvent[]): Promise<OutboxEvent[]> => {
    if (events.length === 0) return [];
    const drafts = events.map((event) => draft(topic, event));
    await insertEvents(transaction, settings, drafts);
    return drafts.map(({ id }) => ({ id, topic }));
  };
  return {
    publishBatch,
    publish: async (topic, data, options = {}) => {
      const [written] = await publishBatch(topic, [{ ...options, data }]);
      if (written === undefined) throw new Error('An event was not written to the outbox');
      return written;
    },
  };
}
