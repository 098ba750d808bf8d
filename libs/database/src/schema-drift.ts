import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';

/**
 * Compares the migrated schema with the entities, names of constraints and indexes included.
 *
 * @returns each difference as the statement that would remove it; empty when they agree. Nothing is changed.
 */
export async function schemaDrift(url: string): Promise<string[]> {
  const dataSource = await new DataSource(dataSourceOptions(url, { poolSize: 1 })).initialize();
  try {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  } finally {
    await dataSource.destroy();
  }
}
