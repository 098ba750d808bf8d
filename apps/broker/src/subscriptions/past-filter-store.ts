import { rows, type SqlSource, type Subscription } from '@hookcast/database';

/**
 * Remembers a filter that is about to be replaced: what it kept back has no other trace, and looks lost to the new one.
 * No filter keeps nothing back.
 */
export async function notePastFilter(
  transaction: SqlSource,
  { id, filter }: Pick<Subscription, 'id' | 'filter'>,
  until: Date,
): Promise<void> {
  if (filter === null) return;
  await rows(
    transaction,
    /* sql */ `
    insert into past_filters (subscription_id, until, filter) values ($1, $2, $3) on conflict do nothing`,
    [id, until, filter],
  );
}
