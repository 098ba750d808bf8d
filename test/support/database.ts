import { randomBytes } from 'node:crypto';
import { createDataPool } from '@hookcast/database';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  url: string;
  pool: pg.Pool;
  drop(): Promise<void>;
}

/** A migrated database of one's own, copied from the run's template. One per test file; `drop()` in afterAll. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase({ template: inject('templateName') });
}

/** An empty database of one's own, for tests that migrate it themselves. */
export async function createEmptyDatabase(adminUrl = inject('adminUrl')): Promise<TestDatabase> {
  return createDatabase({ template: 'template0', adminUrl });
}

async function createDatabase(options: { template: string; adminUrl?: string }): Promise<TestDatabase> {
  const adminUrl = options.adminUrl ?? inject('adminUrl');
  const name = `hookcast_test_${process.pid}_${randomBytes(6).toString('hex')}`;
  // file_copy: some 20 ms; the default strategy writes the whole template to the WAL
  await asAdmin(adminUrl, `create database ${name} template ${options.template} strategy file_copy`);
  const url = databaseUrl(adminUrl, name);
  const pool = createDataPool(url);
  return {
    url,
    pool,
    drop: async () => {
      if (!pool.ended) await pool.end();
      await asAdmin(adminUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  return serverUrl.replace(/\/[^/?]*(\?|$)/, `/${database}$1`);
}

export async function asAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
