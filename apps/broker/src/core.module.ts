import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConfinedDataSource, createDataPool, dataSourceOptions } from '@hookcast/database';
import type pg from 'pg';
import { confinement } from './auth/namespace.js';
import { DATA_POOL, RUNTIME, type Runtime } from './runtime.js';

const controlConnections = 4;

/** The runtime (settings, log, clock) and the database: what every feature may inject without importing a module. */
@Global()
@Module({})
export class CoreModule implements OnApplicationShutdown {
  constructor(@Inject(DATA_POOL) private readonly pool: pg.Pool) {}

  static for(runtime: Runtime): DynamicModule {
    const { config, databaseUrl, log } = runtime;
    const onConnectionError = (error: Error) => log.warn({ reason: error.message }, 'database.connection-lost');
    return {
      module: CoreModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({
            ...dataSourceOptions(databaseUrl, { poolSize: controlConnections, applicationName: 'hookcast-control' }),
            retryAttempts: 1,
          }),
          dataSourceFactory: async (options) => {
            if (!options) throw new Error('There are options.');
            return new ConfinedDataSource(options, confinement);
          },
        }),
      ],
      providers: [
        { provide: RUNTIME, useValue: runtime },
        {
          provide: DATA_POOL,
          useFactory: () =>
            createDataPool(databaseUrl, {
              max: config.databaseConnections,
              applicationName: 'hookcast-data',
              onConnectionError,
            }),
        },
      ],
      exports: [RUNTIME, DATA_POOL],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}
