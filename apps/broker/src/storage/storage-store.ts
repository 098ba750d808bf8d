import { rows, type SqlSource } from '@hookcast/database';

/** Bytes of this database on disk. The server adds up the sizes of its files: about a millisecond per thousand. */
export async function databaseSize(source: SqlSource): Promise<number> {
  const text = /* sql */ `select pg_database_size(current_database()) as bytes`;
  const [row] = await rows<{ bytes: string }>(source, text);
  return Number(row?.bytes ?? 0);
}
