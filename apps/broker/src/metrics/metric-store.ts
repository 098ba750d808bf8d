import { rows, type SqlSource } from '@hookcast/database';

export interface MeasuredSubscription {
  id: number;
  namespace: string;
  name: string;
  state: string;
}

/** Every subscription, the oldest first. A scan of the small table of subscriptions. */
export async function measuredSubscriptions(source: SqlSource): Promise<MeasuredSubscription[]> {
  return rows(source, /* sql */ `select id, namespace, name, state from subscriptions order by id`);
}

/** Every source, the oldest first. A scan of the small table of sources. */
export async function measuredSources(source: SqlSource): Promise<{ id: number; namespace: string; name: string }[]> {
  return rows(source, /* sql */ `select id, namespace, name from sources order by id`);
}

/** Rows of retries, as far as `most`: the cost is bounded whatever waits. */
export async function retriesWaiting(source: SqlSource, most: number): Promise<number> {
  const [row] = await rows<{ waiting: string }>(
    source,
    /* sql */ `select count(*) as waiting from (select from retries limit $1) r`,
    [most],
  );
  return Number(row?.waiting ?? 0);
}
