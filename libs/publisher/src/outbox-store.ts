import type { BatchLimits } from './batch-draft.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { rowsOf, tableName, type SqlTransaction } from '@hookcast/protocol/sql-transaction';

/** An event that waits in the table. */
export interface OutboxRow {
  rowId: string;
  event: OutgoingEvent;
}

/** The statements that make the table; each may be repeated. */
export function outboxTableSql(table = 'hookcast_outbox'): string {
  const index = `${table.split('.').at(-1)}_waiting`;
  return `create table if not exists ${tableName(table)} (
  id bigint generated always as identity primary key,
  event_id text not null,
  topic text not null,
  ordering_key text,
  body bytea not null,
  created_at timestamptz not null default now(),
  refused_at timestamptz,
  refusal text
);
create index if not exists "${index}" on ${tableName(table)} (id) where refused_at is null;`;
}

/** The channel of NOTIFY, and the name of the lock that one relay has at a time. */
export const channelOf = (table: string): string => table.replace('.', '_').toLowerCase();

/** Adds events, in their order. The hint is sent by Postgres when the transaction commits. */
export async function insertEvents(
  transaction: SqlTransaction,
  { table, notify }: { table: string; notify: boolean },
  events: readonly OutgoingEvent[],
): Promise<void> {
  const hint = notify ? `pg_notify('${channelOf(table)}', '')` : 'null';
  await transaction.query(
    `with added as (
       insert into ${tableName(table)} (event_id, topic, ordering_key, body)
       select e.event_id, e.topic, e.ordering_key, decode(e.body, 'base64')
       from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
         as e (event_id, topic, ordering_key, body, place)
       order by e.place
       returning 1
     ) select ${hint} from added limit 1`,
    [
      events.map(({ id }) => id),
      events.map(({ topic }) => topic),
      events.map(({ key }) => key ?? null),
      events.map(({ body }) => body.toString('base64')),
    ],
  );
}

/** Makes this transaction the one that publishes; false when another one is. Released at its end, however it ends. */
export async function takeTurn(transaction: SqlTransaction, table: string): Promise<boolean> {
  const sql = 'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken';
  const result = await transaction.query(sql, [`hookcast.outbox.${channelOf(table)}`]);
  return rowsOf(result)[0]?.['taken'] === true;
}

/**
 * The oldest events that wait and can be seen, as many as fit; the first fits in any case. Without those of held topics. Whatever causes an event of
 * a key has committed its own before, so it is seen, and has the lower id. Index: <table>_waiting.
 */
export async function readWaiting(
  transaction: SqlTransaction,
  table: string,
  { maxEvents, maxBytes }: BatchLimits,
  heldTopics: readonly string[] = [],
): Promise<OutboxRow[]> {
  const result = await transaction.query(
    `select id::text as row_id, event_id, topic, ordering_key, body
     from (
       select oldest.*, sum(octet_length(body)) over (order by id) as bytes
       from (select * from ${tableName(table)} 
             where refused_at is null and topic <> all ($3::text[]) order by id limit $1) oldest
     ) summed
     where bytes <= $2 or bytes = octet_length(body) order by id`,
    [maxEvents, maxBytes, heldTopics],
  );
  return rowsOf(result).flatMap(({ row_id: rowId, event_id: id, topic, ordering_key: key, body }) =>
    typeof rowId === 'string' && typeof id === 'string' && typeof topic === 'string' && Buffer.isBuffer(body)
      ? [{ rowId, event: { id, topic, key: typeof key === 'string' ? key : undefined, body } }]
      : [],
  );
}

/** The newest event that waits and can be seen; undefined when none does. Index: <table>_waiting. */
export async function lastWaiting(runner: SqlTransaction, table: string): Promise<string | undefined> {
  const result = await runner.query(
    `select id::text as row_id from ${tableName(table)} where refused_at is null order by id desc limit 1`,
  );
  const rowId = rowsOf(result)[0]?.['row_id'];
  return typeof rowId === 'string' ? rowId : undefined;
}

/** True while an event waits that is not newer than this one. Index: <table>_waiting. */
export async function isWaitingUpTo(runner: SqlTransaction, table: string, rowId: string): Promise<boolean> {
  const result = await runner.query(
    `select 1 from ${tableName(table)} where refused_at is null and id <= $1::bigint limit 1`,
    [rowId],
  );
  return rowsOf(result).length > 0;
}

/** Removes what the broker has stored and marks what it refused. Index: the primary key. */
export async function settleRows(
  transaction: SqlTransaction,
  table: string,
  { stored, refused }: { stored: readonly string[]; refused: readonly { rowId: string; refusal: string }[] },
): Promise<void> {
  const name = tableName(table);
  await transaction.query(`delete from ${name} where id = any ($1::bigint[])`, [stored]);
  if (refused.length === 0) return;
  await transaction.query(
    `update ${name} o set refused_at = now(), refusal = r.refusal
     from unnest($1::bigint[], $2::text[]) as r (id, refusal) where o.id = r.id`,
    [refused.map(({ rowId }) => rowId), refused.map(({ refusal }) => refusal)],
  );
}
