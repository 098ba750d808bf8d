import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { prepareConfinedRole } from './confinement-store.js';
import { connectTimeoutMs } from './data-pool.js';
import { dataSourceOptions, migrations } from './data-source.js';
import {
  migrationState,
  planMigrations,
  type MigrationDirection,
  type MigrationPlan,
  type MigrationState,
} from './migration-plan.js';
import { holdMigrationLock, readAppliedMigrations, releaseMigrationLock } from './migration-store.js';

type MigrationClass = new () => MigrationInterface;

export interface MigrateOptions {
  /** Oldest first. @default the program's own */
  migrations?: readonly MigrationClass[];
  /** Called when another process is migrating this database and this one waits for it. */
  onWait?: () => void;
}

/**
 * Migrates under an advisory lock: of several starters one applies, the others wait and then find nothing to do.
 * Each migration runs in a transaction of its own, without time limits.
 *
 * @returns the names applied or reverted, in the order they ran.
 * @throws what the failing statement threw; that migration is rolled back, the ones before it stay.
 */
export async function migrate(
  url: string,
  direction: MigrationDirection = 'up',
  options: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const known = options.migrations ?? migrations;
  return withClient(url, async (client) => {
    await holdMigrationLock(client, options.onWait ?? (() => {}));
    const plan = planMigrations(migrationState(known.map(nameOf), await readAppliedMigrations(client)), direction);
    if (plan.up.length + plan.down.length > 0) await carryOut(url, known, plan);
    // At every start, since the account that the program logs in with may be another one than at the last.
    await prepareConfinedRole(client);
    await releaseMigrationLock(client);
    return { applied: [...plan.up, ...plan.down] };
  });
}

/** What is applied, what is missing, and what a newer version of the program has left there. Changes nothing. */
export async function migrationStatus(url: string, options: MigrateOptions = {}): Promise<MigrationState> {
  const known = (options.migrations ?? migrations).map(nameOf);
  return withClient(url, async (client) => migrationState(known, await readAppliedMigrations(client)));
}

async function carryOut(url: string, known: readonly MigrationClass[], plan: MigrationPlan): Promise<void> {
  // TypeORM runs whatever is pending among the classes it is given: going up to a name means hiding the rest.
  const last = plan.up.at(-1);
  const visible = last === undefined ? known : known.slice(0, known.findIndex((each) => nameOf(each) === last) + 1);
  const dataSource = new DataSource({
    ...dataSourceOptions(url, { poolSize: 2, applicationName: 'hookcast-migrate', timeouts: 'none' }),
    migrations: [...visible],
  });
  await dataSource.initialize();
  try {
    if (plan.up.length > 0) await dataSource.runMigrations({ transaction: 'each' });
    for (let left = plan.down.length; left > 0; left -= 1) await dataSource.undoLastMigration({ transaction: 'each' });
  } finally {
    await dataSource.destroy();
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'hookcast-migrate',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  });
  client.on('error', () => {}); // a broken connection rejects the statement in flight, which says enough
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function nameOf(migration: MigrationClass): string {
  const { name } = new migration();
  if (!name) throw new Error(`Migration class ${migration.name} has no name`);
  return name;
}
