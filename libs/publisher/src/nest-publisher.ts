import { ConfigurableModuleBuilder, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { TopicData, TopicName } from '@hookcast/protocol';
import type { Outbox } from './outbox-writer.js';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import type { PublishedEvent } from './pending-publish.js';
import {
  createPublisher,
  type BatchEvent,
  type BatchOptions,
  type Publisher,
  type PublishOptions,
} from './publisher.js';
import type { PublisherOptions } from './settings.js';

/** The options of `createPublisher`. */
export type HookcastPublisherModuleOptions = PublisherOptions;

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<PublisherOptions>()
  .setClassMethodName('forRoot')
  .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
  .build();

/** The publisher as an injectable. Closes when the application does. */
@Injectable()
export class HookcastPublisher implements Publisher, OnApplicationShutdown {
  private readonly publisher: Publisher;

  constructor(@Inject(MODULE_OPTIONS_TOKEN) options: PublisherOptions) {
    this.publisher = createPublisher(options);
  }

  get buffered(): Publisher['buffered'] {
    return this.publisher.buffered;
  }

  get spooled(): Publisher['spooled'] {
    return this.publisher.spooled;
  }

  async publish<T extends TopicName>(topic: T, data?: TopicData<T>, options?: PublishOptions): Promise<PublishedEvent> {
    return this.publisher.publish(topic, data, options);
  }

  async publishBatch<T extends TopicName>(
    topic: T,
    events: readonly BatchEvent<TopicData<T>>[],
    options?: BatchOptions,
  ): Promise<PublishedEvent[]> {
    return this.publisher.publishBatch(topic, events, options);
  }

  outbox(transaction: SqlTransaction): Outbox {
    return this.publisher.outbox(transaction);
  }

  async flush(): Promise<void> {
    await this.publisher.flush();
  }

  async close(options?: { timeoutMs?: number | undefined }): Promise<void> {
    await this.publisher.close(options);
  }

  /** In the last hook, after the HTTP server has finished its requests: those may still publish. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }
}

/**
 * Provides {@link HookcastPublisher} to the whole application, or only to modules that import it with `isGlobal: false`.
 *
 * @example
 * HookcastPublisherModule.forRootAsync({
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ url: config.get('HOOKCAST_URL'), apiKey: config.get('HOOKCAST_API_KEY') }),
 * })
 */
@Module({ providers: [HookcastPublisher], exports: [HookcastPublisher] })
export class HookcastPublisherModule extends ConfigurableModuleClass {}
