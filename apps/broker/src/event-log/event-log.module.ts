import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Appender, DayPartitions, HeadWatch, LogReader, TailListener, TailNotifier, TopicLog } from '@hookcast/log';
import { AppendHints } from './append-hints.js';
import { eventLogProviders } from './event-log-providers.js';

/** The event log of this process: appending, reading, hints between processes, and keeping its days. */
@Module({
  providers: eventLogProviders,
  exports: [Appender, LogReader, TopicLog, AppendHints],
})
export class EventLogModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  @Inject(Appender) private readonly appender!: Appender;
  @Inject(DayPartitions) private readonly days!: DayPartitions;
  @Inject(HeadWatch) private readonly watch!: HeadWatch;
  @Inject(TailListener) private readonly listener!: TailListener;
  @Inject(TailNotifier) private readonly notifier!: TailNotifier;

  onApplicationBootstrap(): void {
    this.days.start();
    this.watch.start();
    this.listener.start();
  }

  /** Whoever waits for events is sent away, since closing the server waits for every request. */
  async onModuleDestroy(): Promise<void> {
    await this.watch.stop();
  }

  /** After the last request was answered, so that nothing is refused that was let in. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.appender.stop(), this.days.stop(), this.listener.stop()]);
    await this.notifier.stop();
  }
}
