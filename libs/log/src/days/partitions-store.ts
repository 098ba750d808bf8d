import { rows, type SqlSource } from '@hookcast/database';
import type pg from 'pg';
import { addDays, dayOfPartition, partitionName, startOf, type DailyTable, type Day } from './day.js';

/** A table that has, or had, its place among the days of `events` or `attempts`. */
export interface DayPartition {
  name: string;
  table: DailyTable;
  day: Day;
  /** `detaching`: a DETACH CONCURRENTLY was interrupted; `detached`: a table of its own that waits to be dropped. */
  state: 'attached' | 'detaching' | 'detached';
}

/** Any two numbers that nothing else in this database uses: "hookcast days". */
const lockClass = 0x686f6f6b;
const creating = 1;
const dropping = 2;

/** All or nothing. The client comes from a pool or is one of its own; it is free again afterwards either way. */
export async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await rows(client, /* sql */ `begin`);
  try {
    const result = await work();
    await rows(client, /* sql */ `commit`);
    return result;
  } catch (error) {
    await rows(client, /* sql */ `rollback`).catch(() => {}); // the connection is gone, and the transaction with it
    throw error;
  }
}

/** What the database takes for now: events carry its time, and a machine whose clock is wrong must not end their days. */
export async function databaseNow(source: SqlSource): Promise<Date> {
  const [row] = await rows<{ now: Date }>(source, /* sql */ `select clock_timestamp() as now`);
  if (!row) throw new Error('A select without a table gives one row');
  return row.now;
}

/** One process at a time creates days: `if not exists` alone fails when two do it in the same moment. */
export async function lockCreation(transaction: SqlSource): Promise<void> {
  await rows(transaction, /* sql */ `select pg_advisory_xact_lock($1, $2)`, [lockClass, creating]);
}

/** False when another process is dropping days. Held until the connection ends or `unlockDropping`. */
export async function tryLockDropping(connection: SqlSource): Promise<boolean> {
  const text = /* sql */ `select pg_try_advisory_lock($1, $2) as locked`;
  const [row] = await rows<{ locked: boolean }>(connection, text, [lockClass, dropping]);
  return row?.locked === true;
}

export async function unlockDropping(connection: SqlSource): Promise<void> {
  await rows(connection, /* sql */ `select pg_advisory_unlock($1, $2)`, [lockClass, dropping]);
}

/** All days by the catalog, oldest first; those of events come first, so that no event outlives its attempts. */
export async function listPartitions(source: SqlSource): Promise<DayPartition[]> {
  const found = await rows<{ name: string; table: DailyTable; state: DayPartition['state'] }>(
    source,
    /* sql */ `
    select c.relname as name, parent.relname as table,
      case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'detaching' else 'attached' end as state
    from pg_class parent
    join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r'
      and c.relname ~ ('^' || parent.relname || '_y[0-9]{4}m[0-9]{2}d[0-9]{2}$')
    left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid
    where parent.oid in ('events'::regclass, 'attempts'::regclass)
    order by parent.relname desc, c.relname`,
  );
  return found.flatMap((partition) => {
    const day = dayOfPartition(partition.name);
    return day === undefined ? [] : [{ ...partition, day }];
  });
}

/**
 * Made as a table of its own and attached: CREATE TABLE ... PARTITION OF takes the parent exclusively, so that behind
 * one long reader (a backup) every publish and delivery would wait. ATTACH lets both go on.
 *
 * Days are dropped whole, so vacuuming inserts is wasted. The unique index is what finds repeated ids.
 */
export async function createPartition(transaction: SqlSource, table: DailyTable, day: Day): Promise<void> {
  const name = partitionName(table, day);
  const range = `for values from ('${startOf(day).toISOString()}') to ('${startOf(addDays(day, 1)).toISOString()}')`;
  const storage = 'with (fillfactor = 100, autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_enabled = off)';
  await rows(transaction, /* sql */ `create table if not exists ${name} (like ${table} including all) ${storage}`);
  if (table === 'events') {
    await rows(transaction, /* sql */ `create unique index if not exists ${name}_id on ${name} (event_id, stream_id)`);
  }
  await rows(transaction, /* sql */ `alter table ${table} attach partition ${name} ${range}`);
}

/** Waits for every transaction that may still read the partition; locks nobody out. Not inside a transaction. */
export async function detachPartition(connection: SqlSource, { table, name }: DayPartition): Promise<void> {
  await rows(connection, /* sql */ `alter table ${table} detach partition ${name} concurrently`);
}

/** Ends an interrupted detach; a table can have only one at a time, so this comes first. */
export async function finalizeDetach(connection: SqlSource, { table, name }: DayPartition): Promise<void> {
  await rows(connection, /* sql */ `alter table ${table} detach partition ${name} finalize`);
}

export async function dropPartition(transaction: SqlSource, { name }: DayPartition): Promise<void> {
  await rows(transaction, /* sql */ `drop table ${name}`);
}
