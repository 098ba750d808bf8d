import { rows, type SqlSource } from '@hookcast/database';

/** Names of the sources whose WebSub lease is to be renewed. A scan of `sources`, which is small. */
export async function sourcesToRenew(source: SqlSource, now: Date): Promise<string[]> {
  const found = await rows<{ name: string }>(
    source,
    /* sql */ `
      select name from sources
      where websub ->> 'state' = 'subscribed' and (websub ->> 'renewAt')::timestamptz <= $1::timestamptz
      order by name`,
    [now.toISOString()],
  );
  return found.map(({ name }) => name);
}
