import pg from 'pg';
import { connectionUrl, databaseName, type Endpoint } from './server-settings.js';

const alreadyThere = ['42P04', '23505'];

/**
 * Makes the database when it is not there; two processes may do so at once. Not by `rows()`: that would load TypeORM,
 * which a program that only wants the server (a CLI, a test) need not wait for.
 */
export async function ensureDatabase(endpoint: Endpoint): Promise<void> {
  const client = new pg.Client({
    connectionString: connectionUrl(endpoint, 'postgres'),
    connectionTimeoutMillis: 10_000,
    application_name: 'hookcast-supervisor',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const found = await client.query(/* sql */ `select 1 from pg_database where datname = $1`, [databaseName]);
    if (found.rowCount === 0) await client.query(/* sql */ `create database ${client.escapeIdentifier(databaseName)}`);
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    if (!alreadyThere.includes(code ?? '')) throw error;
  } finally {
    await client.end();
  }
}
