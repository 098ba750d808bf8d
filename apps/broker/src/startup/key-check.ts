import type { SqlSource } from '@hookcast/database';
import { UnsealError, type Vault } from '../auth/vault.js';
import { readSealed, sealedColumns, type SealedColumn } from './sealed-texts-store.js';

/** Rows of each column that are looked at: the first ones may hold nothing that is sealed. */
const lookedAt = 20;

/**
 * Tries the first sealed text of every column that has one. One that opens is enough: a single row that was damaged must
 * not keep the bus from starting.
 *
 * @throws UnsealError when there are some and none opens
 */
export async function refuseForeignKey(source: SqlSource, vault: Vault): Promise<void> {
  let failure: UnsealError | undefined;
  for (const column of sealedColumns) {
    const first = await firstSealed(source, column);
    if (first === undefined) continue;
    try {
      vault.open(first.sealed, first.belongsTo);
      return;
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      failure = error;
    }
  }
  if (failure) throw failure;
}

async function firstSealed(source: SqlSource, column: SealedColumn) {
  for (const { namespace, name, value } of await readSealed(source, column, { after: 0, limit: lookedAt })) {
    const [sealed] = sealedTexts(value);
    if (sealed !== undefined) return { sealed, belongsTo: `${column.table}.${column.column} ${namespace}/${name}` };
  }
  return undefined;
}

function sealedTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(sealedTexts);
  if (typeof value !== 'object' || value === null || !('sealed' in value)) return [];
  return typeof value.sealed === 'string' ? [value.sealed] : [];
}
