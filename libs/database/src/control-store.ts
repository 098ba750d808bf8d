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

function onlyVersion(found: VersionRow[]): number {
  const row = found[0];
  if (!row) throw new Error('control_state has no row: the schema was not migrated');
  return Number(row.version);
}
