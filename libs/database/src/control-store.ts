import { rows, type SqlSource } from './sql.js';

interface VersionRow {
  version: string;
}

/**
 * First statement of every transaction that changes topics or subscriptions. The lock on the single row
 * serialises such transactions, so that "new topic" and "new subscription" cannot miss each other; the number
 * tells every process to reload its catalog.
 */
export async function bumpControlVersion(tx: SqlSource): Promise<number> {
  const changed = await rows<VersionRow>(
    tx,
    /* sql */ `update control_state set version = version + 1 returning version`,
  );
  return onlyVersion(changed);
}

/** The version of the last committed change. One row, no index. */
export async function readControlVersion(source: SqlSource): Promise<number> {
  return onlyVersion(await rows<VersionRow>(source, /* sql */ `select version from control_state`));
}

/** What changes of the control plane touched. */
export interface ControlTouches {
  subscriptionIds: readonly number[];
  topicIds: readonly number[];
}

/** Versions that are remembered: enough for a worker that was away for a while, and little to keep. */
const rememberedVersions = 1_000;

/**
 * Last statement of a change that knows what it touched: subscriptions whose row or cursors it made, changed or removed, and
 * topics whose streams it did. Forgets what nobody will ask for. Index: primary key.
 */
export async function noteControlChange(
  tx: SqlSource,
  version: number,
  { subscriptionIds, topicIds }: ControlTouches,
): Promise<void> {
  await rows(
    tx,
    /* sql */ `
    with forgotten as (delete from control_changes where version <= $1::bigint - ${rememberedVersions})
    insert into control_changes (version, subscription_ids, topic_ids) values ($1, $2::int[], $3::int[])`,
    [version, subscriptionIds, topicIds],
  );
}

/**
 * What was touched by all changes behind a version, and the version it is now; undefined when one of them did not say, or
 * is forgotten, or the version is of a database that has lost commits since. One snapshot. Index: primary key.
 */
export async function controlChangesSince(
  source: SqlSource,
  since: number,
): Promise<(ControlTouches & { version: number }) | undefined> {
  const found = await rows<VersionRow & { subscription_ids: number[] | null; topic_ids: number[] | null }>(
    source,
    /* sql */ `
    select s.version, c.subscription_ids, c.topic_ids
      from control_state s left join control_changes c on c.version > $1 and c.version <= s.version`,
    [since],
  );
  const version = onlyVersion(found.slice(0, 1));
  const told = found.filter(({ subscription_ids: ids }) => ids !== null);
  if (told.length !== version - since) return undefined;
  return {
    version,
    subscriptionIds: [...new Set(told.flatMap((row) => row.subscription_ids ?? []))],
    topicIds: [...new Set(told.flatMap((row) => row.topic_ids ?? []))],
  };
}

function onlyVersion(found: VersionRow[]): number {
  const row = found[0];
  if (!row) throw new Error('control_state has no row: the schema was not migrated');
  return Number(row.version);
}
