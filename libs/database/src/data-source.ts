import type { DataSourceOptions, Logger } from 'typeorm';
import { clientTimeoutMs, connectTimeoutMs, defaultSession } from './data-pool.js';
import { ApiKey } from './entities/api-key.entity.js';
import { Service } from './entities/service.entity.js';
import { SigningKeyRing } from './entities/signing-key-ring.entity.js';
import { Source } from './entities/source.entity.js';
import { Subscription } from './entities/subscription.entity.js';
import { Topic } from './entities/topic.entity.js';
import { InitialSchema0001 } from './migrations/0001-initial-schema.js';
import { Sources0002 } from './migrations/0002-sources.js';
import { Access0003 } from './migrations/0003-access.js';
import { Flow0004 } from './migrations/0004-flow.js';
import { Operations0006 } from './migrations/0006-operations.js';
import { Retention0007 } from './migrations/0007-retention.js';
import { Tenancy0009 } from './migrations/0009-tenancy.js';
import { Handshake0008 } from './migrations/0008-handshake.js';
import { HookAccess0010 } from './migrations/0010-hook-access.js';
import { Announcements0011 } from './migrations/0011-announcements.js';
import { SettleNumber0012 } from './migrations/0012-settle-number.js';
import { LeavingWorkers0013 } from './migrations/0013-leaving-workers.js';
import { SigningKeys0014 } from './migrations/0014-signing-keys.js';
import { ControlChanges0015 } from './migrations/0015-control-changes.js';
import { RequestsInFlight0016 } from './migrations/0016-requests-in-flight.js';
import { OperationPace0017 } from './migrations/0017-operation-pace.js';
import { DelayedEvents0018 } from './migrations/0018-delayed-events.js';
import { PastRotations0019 } from './migrations/0019-past-rotations.js';
import { FilterErrors0020 } from './migrations/0020-filter-errors.js';
import { RepeatedResults0021 } from './migrations/0021-repeated-results.js';
import { NeverAnswered0022 } from './migrations/0022-never-answered.js';
import { SignsOfHooks0023 } from './migrations/0023-signs-of-hooks.js';
import { AnsweredRequests0024 } from './migrations/0024-answered-requests.js';
import { migrationsTable } from './migration-store.js';
import { sessionHook, type SessionSettings } from './session-store.js';

/** Every mapped table: the control plane. The data plane is reached by SQL only. */
export const entities = [Topic, Subscription, Service, Source, ApiKey, SigningKeyRing];

/** Every migration, oldest first. Append; never edit one that was released. */
export const migrations = [
  InitialSchema0001,
  Sources0002,
  Access0003,
  Flow0004,
  Operations0006,
  Retention0007,
  Handshake0008,
  Tenancy0009,
  HookAccess0010,
  Announcements0011,
  SettleNumber0012,
  LeavingWorkers0013,
  SigningKeys0014,
  ControlChanges0015,
  RequestsInFlight0016,
  OperationPace0017,
  DelayedEvents0018,
  PastRotations0019,
  FilterErrors0020,
  RepeatedResults0021,
  NeverAnswered0022,
  SignsOfHooks0023,
  AnsweredRequests0024,
];

export interface DataSourceSettings {
  /** @default 5 */
  poolSize?: number;
  /** @default 'hookcast' */
  applicationName?: string;
  /** `none` is for migrations, which may have to rewrite a large table. @default 'default' */
  timeouts?: 'default' | 'none';
  /** Told about broken connections and whatever else TypeORM warns of; statements and failures are not logged. */
  log?: (line: string) => void;
}

const unlimited: SessionSettings = {
  ...defaultSession,
  statementTimeoutMs: 0,
  lockTimeoutMs: 0,
  idleInTransactionTimeoutMs: 0,
};

/**
 * TypeORM's options for a Postgres URL. Nothing changes the schema behind anybody's back: call `migrate()`.
 * Its connections get the same session as those of the data pool, so that an acknowledged subscription is as
 * durable as an acknowledged event.
 */
export function dataSourceOptions(url: string, options: DataSourceSettings = {}): DataSourceOptions {
  const session = options.timeouts === 'none' ? unlimited : defaultSession;
  return {
    type: 'postgres',
    url,
    entities,
    migrations,
    migrationsTableName: migrationsTable,
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    poolSize: options.poolSize ?? 5,
    applicationName: options.applicationName ?? 'hookcast',
    connectTimeoutMS: connectTimeoutMs,
    logger: warningsOnly(options.log ?? (() => {})),
    extra: {
      keepAlive: true,
      query_timeout: clientTimeoutMs(session),
      verify: sessionHook(session),
    },
  };
}

const ignore = () => {};

/** TypeORM's own logger writes to the console. What fails is thrown, so only warnings are left to be said. */
function warningsOnly(log: (line: string) => void): Logger {
  return {
    logQuery: ignore,
    logQueryError: ignore,
    logQuerySlow: ignore,
    logSchemaBuild: ignore,
    logMigration: ignore,
    log: (level, message) => {
      if (level === 'warn') log(String(message));
    },
  };
}
