import { rows, type SqlSource } from '@hookcast/database';

/** The sources of all namespaces whose WebSub lease is to be renewed. A scan of `sources`, which is small. */
export async function sourcesToRenew(source: SqlSource, now: Date): Promise<{ namespace: string; name: string }[]> {
  return rows(
    source,
    /* sql */ `
      select namespace, name from sources
      where websub ->> 'state' = 'subscribed' and (websub ->> 'renewAt')::timestamptz <= $1::timestamptz
      order by namespace, name`,
    [now.toISOString()],
  );
}
