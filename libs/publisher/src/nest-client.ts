import { Logger } from '@nestjs/common';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { TopicData, TopicName } from '@hookcast/protocol';
import type { Observable } from 'rxjs';
import type { PublishedEvent } from './pending-publish.js';
import { createPublisher, type Publisher, type PublishOptions } from './publisher.js';
import type { PublisherOptions } from './settings.js';

export interface HookcastClientOptions extends PublisherOptions {
  /** The topic that a pattern stands for. Object patterns come as Nest writes them, as JSON. @default the pattern itself */
  topicOf?: ((pattern: string) => string) | undefined;
}

/** By this, and not by its class, a record is known: a program may have loaded this package as ESM and as CommonJS. */
const brand = Symbol.for('hookcast.record');

/**
 * Data with the options of `publish()`, for `emit`.
 *
 * @example
 * client.emit('orders.created', new HookcastRecord(order, { id: order.eventId, key: order.customer }));
 */
export class HookcastRecord<T = unknown> {
  constructor(
    readonly data: T,
    readonly options: PublishOptions = {},
  ) {
    Object.defineProperty(this, brand, { value: true });
  }
}

const isRecord = (data: unknown): data is HookcastRecord =>
  typeof data === 'object' && data !== null && Reflect.get(data, brand) === true;

/**
 * The client of `@nestjs/microservices` that publishes to a Hookcast broker what is given to `emit`; its observable gives
 * the `PublishedEvent` once the event is stored. `send` fails: events have no answers.
 *
 * @example
 * ClientsModule.register([{ name: 'BUS', customClass: HookcastClient, options: { url, apiKey } }])
 */
export class HookcastClient extends ClientProxy {
  private readonly logger = new Logger('HookcastClient');
  private readonly publisher: Publisher;

  /** @throws {TypeError} that names every option that is wrong */
  constructor(private readonly options: HookcastClientOptions) {
    super();
    this.publisher = createPublisher(options);
  }

  /**
   * Publishes one event. What it gives completes when the event is stored.
   *
   * @param data what `HookcastTopics` says of the topic, else anything; with options in a {@link HookcastRecord}
   */
  override emit<T extends TopicName>(
    topic: T,
    data: TopicData<T> | HookcastRecord<TopicData<T>>,
  ): Observable<PublishedEvent>;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters, typescript/no-explicit-any -- Nest's own signature
  override emit<TResult = any, TInput = any>(pattern: object, data: TInput): Observable<TResult>;
  override emit(pattern: unknown, data: unknown): Observable<unknown> {
    return super.emit(pattern, data);
  }

  /** Nothing to do: the publisher connects when there is something to publish. */
  async connect(): Promise<void> {}

  async close(): Promise<void> {
    await this.publisher.close();
  }

  /** The publisher itself, for what `emit` does not offer. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Nest's own signature
  override unwrap<T>(): T;
  override unwrap(): Publisher {
    return this.publisher;
  }

  protected publish(_packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    callback({ err: new Error('Hookcast carries events: use emit() instead of send().') });
    return () => {};
  }

  protected override async dispatchEvent<T>(packet: ReadPacket): Promise<T>;
  protected override async dispatchEvent({ pattern, data }: ReadPacket<unknown>): Promise<PublishedEvent> {
    const text = this.normalizePattern(pattern);
    const topic = this.options.topicOf?.(text) ?? text;
    const record = isRecord(data) ? data : new HookcastRecord(data);
    try {
      return await this.publisher.publish(topic, record.data, record.options);
    } catch (error) {
      // Nobody need subscribe to what emit() returns, and then nobody else would hear of it.
      this.logger.error(`An event of ${topic} was not published`, error instanceof Error ? error.stack : undefined);
      throw error;
    }
  }
}
