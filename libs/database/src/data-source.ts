import type { DataSourceOptions } from 'typeorm';
import { connectTimeoutMs, defaultSession } from './data-pool.js';
import { Service } from './entities/service.entity.js';
import { Subscription } from './entities/subscription.entity.js';
import { Topic } from './entities/topic.entity.js';
import { InitialSchema0001 } from './migrations/0001-initial-schema.js';
import { applySession } from './session-store.js';
import type pg from 'pg';

/** Every mapped table: the control plane. The data plane is reached by SQL only. */
export const entities = [Topic, Subscription, Service];

/** Every migration, oldest first. Append; never edit one that was released. */
export const migrations = [InitialSchema0001];

/**
 * TypeORM's options for a Postgres URL. Nothing changes the schema behind anybody's back: call `migrate()`.
 * Its connections get the same session as those of the data pool, so that an acknowledged subscription is as
 * durable as an acknowledged event.
 */
export function dataSourceOptions(
  url: string,
  options: { poolSize?: number; applicationName?: string } = {},
): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities,
    migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    poolSize: options.poolSize ?? 5,
    applicationName: options.applicationName ?? 'hookcast',
    connectTimeoutMS: connectTimeoutMs,
    extra: {
      keepAlive: true,
      verify: (client: pg.ClientBase, done: (error?: Error) => void) => {
        applySession(client, defaultSession).then(() => done(), done);
      },
    },
  };
}
