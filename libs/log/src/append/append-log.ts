import type pg from 'pg';
import { byteaArray, textArray, timeArray } from './binary-array.js';
import type { Contention } from './contention.js';
import { addDays, dayOf, partitionName, startOf, type Day } from '../days/day.js';
import type { EventColumns } from '../event.js';
import type { StreamBatch, StreamResult } from './flush-plan.js';

/** Where and when to write. */
export interface AppendContext {
  /** The day whose partition is written to. */
  day: Day;
  /** The time of storing; undefined for the database's own clock. */
  now: Date | undefined;
  /** Streams whose newest event is known to be of this day. */
  grown?: ReadonlySet<number>;
  /** Knows the streams that are to be locked before anything is looked up. */
  contention?: Pick<Contention, 'isContended'>;
}

/** Why a stream refused its batch. */
export interface Inspection {
  /** False when the stream is gone. */
  exists: boolean;
  /** The day its next event belongs to. */
  day: Day;
  /** Rows whose id is stored with other bytes. */
  conflicts: ReadonlySet<number>;
}

interface AppendedRow {
  head_seq: string;
  ords: string[];
  seqs: string[];
}

interface InspectedRow {
  found: boolean;
  at: Date;
  conflicts: string[];
}

/**
 * What an appending connection insists on. The statements name the two partitions they touch, so one plan serves every
 * batch and need not be weighed each time. It is often made while the day is still empty, when reading the whole of it
 * looks cheapest and an hour later is not: hence no sequential scans.
 */
export async function prepareAppendSession(client: pg.ClientBase, timeoutMs: number): Promise<void> {
  const text = /* sql */ `
    select set_config('synchronous_commit', 'on', false), set_config('timezone', 'UTC', false),
      set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
      set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),
      set_config('idle_in_transaction_session_timeout', $1, false)`;
  await client.query(text, [String(timeoutMs)]);
}

/** The day it is for the database. */
export async function readDay(client: pg.ClientBase): Promise<Day> {
  const { rows } = await client.query<{ now: Date }>(/* sql */ `select now() as now`);
  return dayOf(onlyRow(rows).now);
}

/**
 * Stores the batches of one flush, all or none, in the order given (ascending by stream). The client must be one with
 * `pipeline: true`: everything up to COMMIT is sent before the first answer is awaited, so that a process which is
 * stopped in between keeps no stream locked.
 *
 * @throws what node-postgres throws, sorted by failure.ts. After a lost connection nobody knows whether it was stored.
 */
export async function appendBatches(
  client: pg.ClientBase,
  batches: readonly StreamBatch[],
  context: AppendContext,
): Promise<Map<StreamBatch, StreamResult>> {
  const [only] = batches;
  const isContended = ({ streamId }: StreamBatch) => context.contention?.isContended(streamId) ?? false;
  // A statement by itself is its own transaction.
  if (only && batches.length === 1 && !isContended(only))
    return new Map([[only, await appendBatch(client, only, context)]]);
  const sent: Promise<unknown>[] = [client.query(/* sql */ `begin`)];
  const appended = batches.map((batch) => {
    if (isContended(batch)) sent.push(lockStream(client, batch.streamId));
    const append = appendBatch(client, batch, context);
    sent.push(append);
    return append;
  });
  const committed = client.query(/* sql */ `commit`);
  const answers = await Promise.allSettled([...sent, committed]);
  // In the order in which they were sent: the first error is the cause; those behind it only say that the transaction was aborted.
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  if ((await committed).command !== 'COMMIT') throw new Error('COMMIT rolled back without an error');
  const results = await Promise.all(appended);
  return new Map(results.map((result) => [result.batch, result]));
}

/**
 * One statement for a stream, of constant text for any number of events, prepared by name once a day.
 *
 * It finds the row by way of its newest version (see {@link newestVersion}). When another process appends between its
 * snapshot and its row lock, that version is not the newest any more, and the update refuses; the caller tries again,
 * and locks the row of such a stream first for a while ({@link lockStream}).
 *
 * Ids are looked up in the snapshot (unique indexes of two days). What another process stores between snapshot and lock
 * is caught by the refusal, and by today's unique index. Across midnight no index spans both partitions: the update
 * refuses when the head moved since the snapshot and was on an earlier day then, where a server lets it pass. Whoever
 * has seen the stream grow today ($15) knows that it was not.
 *
 * The update's lock orders commits and numbers events without gaps. created_at is never below the start of the
 * partition's day nor below that of the event before. A refusal has to undo the COMMIT that is already on its way,
 * hence the division: with nothing updated it fails (22012).
 */
async function appendBatch(client: pg.ClientBase, batch: StreamBatch, context: AppendContext): Promise<StreamResult> {
  const { name, text } = appendStatement(context.day);
  const isGrown = context.grown?.has(batch.streamId) ?? false;
  const values = [...comparedValues(batch, context), ...otherValues(batch.rows), isGrown];
  const { rows } = await client.query<AppendedRow>({ name, text, values });
  const { head_seq: headSeq, ords, seqs } = onlyRow(rows);
  const known = new Map(ords.map((ord, index) => [Number(ord) - 1, Number(seqs[index])]));
  return { batch, headSeq: Number(headSeq), known };
}

/**
 * Waits for whoever appends to the stream. The statement behind it has a snapshot of after that. Index: primary key,
 * from its end (see {@link newestVersion}).
 */
async function lockStream(client: pg.ClientBase, streamId: number): Promise<void> {
  const text = /* sql */ `
    select from streams where stream_id between $1::int and $1::int order by stream_id desc limit 1 for update`;
  await client.query({ name: 'lock_stream', text, values: [streamId] });
}

/** Says why `appendBatch` refused, by the same indexes. Locks nothing, so what it finds is for the next try to confirm. */
export async function inspectBatch(
  client: pg.ClientBase,
  batch: StreamBatch,
  context: AppendContext,
): Promise<Inspection> {
  const { rows } = await client.query<InspectedRow>(inspectText(context.day), comparedValues(batch, context));
  const { found, at, conflicts } = onlyRow(rows);
  return { exists: found, day: dayOf(at), conflicts: new Set(conflicts.map((ord) => Number(ord) - 1)) };
}

/** Frees a day's prepared statement, which would otherwise stay in the memory of its connection for good. */
export async function forgetDay(client: pg.ClientBase, day: Day): Promise<void> {
  await client.query(/* sql */ `deallocate ${appendStatement(day).name}`);
}

/** $1 to $10. */
function comparedValues({ streamId, rows }: StreamBatch, context: AppendContext): unknown[] {
  const types = rows.map(({ contentType }) => contentType);
  // Nearly always all alike, and one value is cheaper than an array of it.
  const common = types.every((type) => type === types[0]) ? (types[0] ?? null) : null;
  return [
    streamId,
    context.now?.toISOString() ?? null,
    textArray(rows.map(({ id }) => id)),
    byteaArray(rows.map(({ data }) => data)),
    textArray(rows.map(({ type }) => type)),
    textArray(rows.map(({ source }) => source)),
    textArray(rows.map(({ subject }) => subject)),
    textArray(rows.map(({ key }) => key)),
    common === null ? textArray(types) : null,
    common,
  ];
}

/** $11 to $14. */
function otherValues(rows: readonly EventColumns[]): unknown[] {
  return [
    rows.length,
    textArray(rows.map(({ attributes }) => attributes)),
    timeArray(rows.map(({ deliverAt }) => deliverAt)),
    timeArray(rows.map(({ expiresAt }) => expiresAt)),
  ];
}

/** Cut to milliseconds, all that a Date holds: created_at travels through Node and back as part of a primary key. */
const now = `coalesce($2::timestamptz, date_trunc('milliseconds', now()))`;

/** Which ids are stored already, today or yesterday, where, and whether with the same bytes (as `isRepetition`). */
function seenText(day: Day): string {
  return /* sql */ `
    select i.ord, e.seq,
      e.data is not distinct from ($4::bytea[])[i.ord]
        and e.type is not distinct from ($5::text[])[i.ord]
        and e.source is not distinct from ($6::text[])[i.ord]
        and e.subject is not distinct from ($7::text[])[i.ord]
        and e.key is not distinct from ($8::text[])[i.ord]
        and e.content_type is not distinct from coalesce(($9::text[])[i.ord], $10::text) as same
    from unnest($3::text[]) with ordinality as i (event_id, ord)
    cross join lateral (${storedText(day)} union all ${storedText(addDays(day, -1))} limit 1) e`;
}

function storedText(day: Day): string {
  return /* sql */ `
      select seq, data, type, source, subject, key, content_type from ${partitionName('events', day)}
      where event_id = i.event_id and stream_id = $1::int`;
}

/**
 * Where the newest version of the row of a stream is. While a snapshot is held open Postgres keeps every version that
 * the row has had, and a look by its key passes them all, oldest first: 40 ns each, a millisecond after 25,000 flushes.
 * The range, which holds one key, is for the planner: it reads the index from its end then, where the newest is.
 */
const newestVersion = /* sql */ `(
      select n.ctid from streams n where n.stream_id between $1::int and $1::int order by n.stream_id desc limit 1)`;

const statements = new Map<Day, { name: string; text: string }>();

function appendStatement(day: Day): { name: string; text: string } {
  let statement = statements.get(day);
  if (!statement) {
    statements.clear();
    statement = { name: `append_${partitionName('events', day)}`, text: appendText(day) };
    statements.set(day, statement);
  }
  return statement;
}

function appendText(day: Day): string {
  const start = startOf(day).toISOString();
  const end = startOf(addDays(day, 1)).toISOString();
  return /* sql */ `
  with before as materialized (
    select head_seq, head_at from streams where stream_id = $1::int
  ), seen as materialized (${seenText(day)}
  ), known as materialized (
    select coalesce(array_agg(ord order by ord), '{}') as ords, coalesce(array_agg(seq order by ord), '{}') as seqs,
      count(*) as number, coalesce(bool_and(same), true) as same
    from seen
  ), head as (
    update streams s
    set head_seq = s.head_seq + $11::int - (select number from known),
      head_at = greatest(${now}, s.head_at, timestamptz '${start}')
    where s.ctid = ${newestVersion} and s.stream_id = $1::int
      and (select same and number < $11::int from known)
      and greatest(${now}, s.head_at) < timestamptz '${end}'
      and ($15::bool or s.head_seq = (select head_seq from before) or (select head_at from before) >= timestamptz '${start}')
    returning s.head_seq, s.head_at
  ), stored as (
    insert into ${partitionName('events', day)} (stream_id, seq, created_at, event_id, data, type, source, subject, key,
      content_type, attributes, deliver_at, expires_at)
    select $1::int,
      -- the place among the rows that are new; width_bucket counts the known ones before it
      head.head_seq - ($11::int - known.number) + i.ord - width_bucket(i.ord, known.ords),
      head.head_at, i.event_id, i.data, i.type, i.source, i.subject, i.key, coalesce(i.content_type, $10::text),
      i.attributes, i.deliver_at, i.expires_at
    from head cross join known cross join unnest($3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $12::text[], $13::timestamptz[], $14::timestamptz[]) with ordinality
      as i (event_id, data, type, source, subject, key, content_type, attributes, deliver_at, expires_at, ord)
    where known.number = 0 or i.ord <> all (known.ords)
  )
  select coalesce(head.head_seq, 0) as head_seq, known.ords, known.seqs,
    1 / case when known.same and (known.number = $11::int or head.head_seq is not null) then 1 else 0 end as accepted
  from known left join head on true`;
}

function inspectText(day: Day): string {
  return /* sql */ `
  with seen as materialized (${seenText(day)})
  select s.stream_id is not null as found, greatest(${now}, s.head_at) as at,
    (select coalesce(array_agg(ord), '{}') from seen where not same) as conflicts
  from (values (1)) one left join streams s on s.stream_id = $1::int`;
}

function onlyRow<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (!row) throw new Error('The statement returned no row');
  return row;
}
