import { rowsOf, tableName, type SqlTransaction } from '@hookcast/protocol/sql-transaction';

/** Which handling of which event: the key of a row. */
export interface InboxKey {
  subscription: string;
  eventId: string;
  handler: string;
}

/** The statements that make the table; each may be repeated. */
export function inboxTableSql(table = 'hookcast_inbox'): string {
  const index = `${table.split('.').at(-1)}_handled_at`;
  return `create table if not exists ${tableName(table)} (
  subscription text not null,
  event_id text not null,
  handler text not null default '',
  handled_at timestamptz not null default now(),
  primary key (subscription, event_id, handler)
);
create index if not exists "${index}" on ${tableName(table)} (handled_at);`;
}

/**
 * Takes the key for this transaction. False when another one has it; while that one is open, this waits for its end, and
 * takes the key when it was rolled back. Index: the primary key.
 */
export async function claimKey(transaction: SqlTransaction, table: string, key: InboxKey): Promise<boolean> {
  const result = await transaction.query(
    `insert into ${tableName(table)} (subscription, event_id, handler) values ($1, $2, $3)
     on conflict do nothing returning event_id`,
    [key.subscription, key.eventId, key.handler],
  );
  return rowsOf(result).length === 1;
}

/** Forgets what was handled before; returns how many. Index: <table>_handled_at. */
export async function forgetHandled(
  runner: SqlTransaction,
  table: string,
  { before, limit }: { before: Date; limit: number },
): Promise<number> {
  const name = tableName(table);
  const result = await runner.query(
    `with old as (
       select ctid from ${name} where handled_at < $1 order by handled_at limit $2 for update skip locked
     ), gone as (delete from ${name} where ctid = any (array(select ctid from old)) returning 1)
     select count(*)::int as forgotten from gone`,
    [before, limit],
  );
  return Number(rowsOf(result)[0]?.['forgotten'] ?? 0);
}
