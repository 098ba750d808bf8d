import { rows, type SqlSource } from '@hookcast/database';

/** What the database takes for now; not the time of a transaction. */
export async function readDatabaseTime(source: SqlSource): Promise<Date> {
  const [row] = await rows<{ now: Date }>(source, /* sql */ `select clock_timestamp() as now`);
  if (!row) throw new Error('A select without a table gives one row.');
  return row.now;
}
