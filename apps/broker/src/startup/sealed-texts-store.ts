import { rows, type SqlSource } from '@hookcast/database';

/** A jsonb column that holds sealed texts, in members called `sealed`. */
export interface SealedColumn {
  table: 'subscriptions' | 'sources' | 'signing_keys';
  column: 'secrets' | 'auth' | 'tls' | 'tokens';
}

/** Every place where a secret is stored in a form that can be read again. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'subscriptions', column: 'secrets' },
  { table: 'subscriptions', column: 'auth' },
  { table: 'subscriptions', column: 'tls' },
  { table: 'sources', column: 'tokens' },
  { table: 'sources', column: 'secrets' },
  { table: 'signing_keys', column: 'secrets' },
];

export interface SealedRow {
  id: number;
  namespace: string;
  name: string;
  value: unknown;
}

/** The next rows by primary key. */
export async function readSealed(
  source: SqlSource,
  { table, column }: SealedColumn,
  page: { after: number; limit: number },
): Promise<SealedRow[]> {
  return rows<SealedRow>(
    source,
    /* sql */ `
      select id, namespace, name, ${column} as value from ${table}
      where id > $1 and ${column} is not null order by id limit $2`,
    [page.after, page.limit],
  );
}

/** Only if nobody changed it meanwhile. By primary key. @returns whether it was replaced */
export async function replaceSealed(
  source: SqlSource,
  { table, column }: SealedColumn,
  change: { id: number; before: unknown; after: unknown },
): Promise<boolean> {
  const changed = await rows(
    source,
    /* sql */ `update ${table} set ${column} = $3::jsonb where id = $1 and ${column} = $2::jsonb returning id`,
    [change.id, JSON.stringify(change.before), JSON.stringify(change.after)],
  );
  return changed.length > 0;
}

/** Connections of broker processes to this database. */
export async function brokerConnections(source: SqlSource): Promise<number> {
  const [found] = await rows<{ count: string }>(
    source,
    /* sql */ `
      select count(*) from pg_stat_activity
      where datname = current_database() and application_name in ('hookcast-control', 'hookcast-data')`,
  );
  return Number(found?.count ?? 0);
}
