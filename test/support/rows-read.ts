import type pg from 'pg';
import type { SentStatement } from './statements.js';

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

/**
 * How many rows a statement that only reads looks at in each table: those it went on with and those it threw away. Day
 * partitions count as their table.
 */
export async function rowsRead(pool: pg.Pool, { text, values }: SentStatement): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  if (!/^\s*(select|with)\b/i.test(text) || /\b(insert into|update|delete from)\b/i.test(text)) return found;
  const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
    text: `explain (analyze, timing off, format json) ${text}`,
    values: [...values],
  });
  const add = (node: PlanNode): void => {
    const table = node['Relation Name']?.replace(/^(events|attempts)_.*/, '$1');
    const each =
      (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    if (table !== undefined) found.set(table, (found.get(table) ?? 0) + Math.round(each * (node['Actual Loops'] ?? 1)));
    for (const child of node.Plans ?? []) add(child);
  };
  for (const row of rows) add(row['QUERY PLAN'][0].Plan);
  return found;
}
