import type { SqlSource } from '@hookcast/database';
import { UnsealError, type Vault } from '../auth/vault.js';
import { readSealed, replaceSealed, sealedColumns, type SealedColumn, type SealedRow } from './sealed-texts-store.js';

/** What a rotation came upon; rows are counted once per column. */
export interface RotationCounts {
  resealed: number;
  current: number;
  /** Sealed with a key that is not at hand: left as they are. */
  unreadable: number;
}

const pageRows = 200;
/** A row that a broker changes at the same moment is read again; a pass over everything then finds what it wrote. */
const maxPasses = 5;

/**
 * Seals every stored secret with the current key. Safe while brokers run that know both keys, and safe to repeat: what
 * is sealed with the current key is left alone, so an interrupted rotation goes on where it ended.
 */
export class KeyRotation {
  constructor(
    private readonly source: SqlSource,
    private readonly vault: Vault,
    private readonly report: (column: SealedColumn, counts: RotationCounts) => void,
  ) {}

  /** Passes over all columns until one finds nothing to do. */
  async run(): Promise<RotationCounts> {
    const total: RotationCounts = { resealed: 0, current: 0, unreadable: 0 };
    for (let pass = 0; pass < maxPasses; pass += 1) {
      const { resealed, current, unreadable } = await this.runOnce();
      Object.assign(total, { resealed: total.resealed + resealed, current, unreadable });
      if (resealed === 0) return total;
    }
    return total;
  }

  async runOnce(): Promise<RotationCounts> {
    const total: RotationCounts = { resealed: 0, current: 0, unreadable: 0 };
    for (const column of sealedColumns) {
      const counts = await this.rotateColumn(column);
      for (const name of ['resealed', 'current', 'unreadable'] as const) total[name] += counts[name];
      if (counts.resealed + counts.unreadable > 0) this.report(column, counts);
    }
    return total;
  }

  private async rotateColumn(column: SealedColumn): Promise<RotationCounts> {
    const counts: RotationCounts = { resealed: 0, current: 0, unreadable: 0 };
    for (let after = 0; ;) {
      const page = await readSealed(this.source, column, { after, limit: pageRows });
      for (const row of page) counts[await this.rotateRow(column, row)] += 1;
      const last = page.at(-1);
      if (!last) return counts;
      after = last.id;
    }
  }

  private async rotateRow(column: SealedColumn, row: SealedRow): Promise<keyof RotationCounts> {
    const belongsTo = `${column.table}.${column.column} ${row.namespace}/${row.name}`;
    try {
      const resealed = this.resealed(row.value, belongsTo);
      if (resealed === row.value) return 'current';
      await replaceSealed(this.source, column, { id: row.id, before: row.value, after: resealed });
      // Changed by a broker meanwhile: the next pass looks at it again.
      return 'resealed';
    } catch (error) {
      if (error instanceof UnsealError) return 'unreadable';
      throw error;
    }
  }

  /** The same value when nothing in it has to change. */
  private resealed(value: unknown, belongsTo: string): unknown {
    if (Array.isArray(value)) {
      const elements = value.map((element) => this.resealed(element, belongsTo));
      return elements.every((element, index) => element === value[index]) ? value : elements;
    }
    if (typeof value !== 'object' || value === null || !('sealed' in value)) return value;
    const { sealed } = value;
    if (typeof sealed !== 'string' || this.vault.isCurrent(sealed)) return value;
    return { ...value, sealed: this.vault.seal(this.vault.open(sealed, belongsTo), belongsTo) };
  }
}
