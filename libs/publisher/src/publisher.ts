import type { TopicData, TopicName } from '@hookcast/protocol';
import { BufferedPublisher } from './buffered-publisher.js';
import type { Outbox } from './outbox-writer.js';
import type { EventOptions } from './outgoing-event.js';
import type { PublishedEvent } from './pending-publish.js';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import { publisherSettings, type PublisherOptions } from './settings.js';

export interface PublishOptions extends EventOptions {
  /** Rejects the call with `aborted`. An event that is on its way already may be stored all the same. */
  signal?: AbortSignal | undefined;
}

export interface BatchEvent<Data = unknown> extends EventOptions {
  data?: Data;
}

export interface BatchOptions {
  signal?: AbortSignal | undefined;
}

/** Publishes events to a Hookcast broker. Every method reports failures by rejecting with a `PublishError`. */
export interface Publisher {
  /**
   * Publishes one event; resolves once the broker has stored it durably, or in the mode `spool` once it is written to the
   * spool because the broker is away.
   *
   * Calls made while requests are in flight share the next request, so publish concurrently (`Promise.all`) what need not
   * wait for each other. Events of one `key` are stored in the order of the calls.
   *
   * @param data what `HookcastTopics` says of the topic, else any JSON value; bytes are taken as they are, and so is a string that comes with a `contentType`
   */
  publish<T extends TopicName>(topic: T, data?: TopicData<T>, options?: PublishOptions): Promise<PublishedEvent>;
  /**
   * Publishes events of one topic in one request, all of them or none; at most 1,000 and 4 MiB. Results are in the order
   * of the events. They keep their own order, but none to other calls that are still unsettled.
   */
  publishBatch<T extends TopicName>(
    topic: T,
    events: readonly BatchEvent<TopicData<T>>[],
    options?: BatchOptions,
  ): Promise<PublishedEvent[]>;
  /**
   * Publishes as part of a transaction of the service's own Postgres: events are written to a table, and a relay
   * (`createOutboxRelay` of `@hookcast/publisher/outbox`) publishes them once the transaction has committed.
   *
   * @param transaction TypeORM's EntityManager or QueryRunner in a transaction, or a `pg` client after `begin`
   * @throws {TypeError} when there is no open transaction
   */
  outbox(transaction: SqlTransaction): Outbox;
  /** Resolves once every call made so far is settled. Never rejects: each call tells its own result. */
  flush(): Promise<void>;
  /**
   * Takes no more events and waits for those under way; what is not settled after `timeoutMs` is rejected with `closed`.
   *
   * @param options timeoutMs: @default the publisher's `timeoutMs`
   */
  close(options?: { timeoutMs?: number | undefined }): Promise<void>;
  /** What waits for its answer now, in memory. */
  readonly buffered: { readonly events: number; readonly bytes: number };
  /** What waits in the spool for the broker to be back. */
  readonly spooled: { readonly events: number; readonly bytes: number };
}

/**
 * Creates a publisher. It connects when the first event is published.
 *
 * @example
 * const bus = createPublisher({ url: 'https://bus.internal', apiKey, source: '/orders' });
 * await bus.publish('orders.created', { orderId: 42, total: 99.5 }, { key: 'customer-7' });
 *
 * @throws {TypeError} that names every option that is wrong
 */
export function createPublisher(options: PublisherOptions): Publisher {
  return new BufferedPublisher(publisherSettings(options));
}
