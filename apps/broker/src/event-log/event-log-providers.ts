import type { Provider } from '@nestjs/common';
import {
  Appender,
  DayPartitions,
  HeadWatch,
  LogReader,
  TailListener,
  TailNotifier,
  TopicLog,
  type LogLine,
  type RetentionPolicy,
} from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { AppendHints } from './append-hints.js';

/** The classes of libs/log, which knows nothing of Nest, with what they need. */
export const eventLogProviders: Provider[] = [
  AppendHints,
  { provide: LogReader, inject: [DATA_POOL], useFactory: (pool: pg.Pool) => new LogReader(pool) },
  {
    provide: HeadWatch,
    inject: [LogReader, AppendHints, RUNTIME],
    useFactory: (reader: LogReader, hints: AppendHints, runtime: Runtime) => {
      const watch = new HeadWatch({ reader, log: lines(runtime) });
      hints.onHeads((heads) => watch.advance(heads));
      return watch;
    },
  },
  {
    provide: TopicLog,
    inject: [LogReader, HeadWatch],
    useFactory: (reader: LogReader, watch: HeadWatch) => new TopicLog(reader, watch),
  },
  {
    provide: TailNotifier,
    inject: [DATA_POOL, RUNTIME],
    useFactory: (pool: pg.Pool, runtime: Runtime) => new TailNotifier({ pool, log: lines(runtime) }),
  },
  {
    provide: TailListener,
    inject: [DATA_POOL, AppendHints, RUNTIME],
    useFactory: (pool: pg.Pool, hints: AppendHints, runtime: Runtime) =>
      new TailListener({
        pool,
        onHeads: (heads) => hints.announce(heads),
        onFree: () => hints.announceFree(),
        log: lines(runtime),
      }),
  },
  {
    provide: Appender,
    inject: [DATA_POOL, AppendHints, TailNotifier, RUNTIME],
    useFactory: createAppender,
  },
  {
    provide: DayPartitions,
    inject: [DATA_POOL, RUNTIME],
    useFactory: (pool: pg.Pool, runtime: Runtime) =>
      new DayPartitions({
        pool,
        defaultRetentionDays: runtime.config.retentionDays,
        policy: retentionPolicy(runtime),
        log: lines(runtime),
      }),
  },
];

function createAppender(pool: pg.Pool, hints: AppendHints, notifier: TailNotifier, runtime: Runtime): Appender {
  return new Appender({
    pool,
    maxQueuedBytes: runtime.config.maxQueuedBytes,
    log: lines(runtime),
    onAppended: (heads) => {
      hints.announce(heads);
      notifier.notify(heads);
    },
  });
}

function retentionPolicy({ config }: Runtime): RetentionPolicy {
  const { retentionPolicy: kind, retentionHoldBytes: maxBytes } = config;
  return kind === 'hold' ? { kind, maxBytes } : { kind };
}

function lines({ log }: Runtime): LogLine {
  return (name, fields) => log.info(fields, name);
}
