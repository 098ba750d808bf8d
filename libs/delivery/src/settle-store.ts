import type pg from 'pg';
import { byteaArray, numberArray, textArray } from './array-literal.js';
import { isAskedFor } from './lanes.js';
import type { AttemptRow, CursorRow, DeadLetterRow, FinishedRetry, RetryRow, SettleBatch } from './settle-batch.js';
import { within } from './patience.js';

/** Results wait in memory meanwhile; a repeated statement does no harm. */
const patienceMs = 10_000;

export interface SettleOptions {
  /** The same batch was sent before and it is not known whether it was committed. */
  isRepeated: boolean;
  /** False when the server refused the rows of attempts: the state of deliveries matters more than their history. */
  withAttempts: boolean;
}

/**
 * Writes a batch in one statement. Every part is joined to `fence`, the cursors whose epoch is still this worker's
 * and that nobody has moved by hand since: a stale one writes nothing at all. The statement may be repeated: totals are set and not added to, except `expired`,
 * which the log counts in the same column.
 *
 * Index: primary keys throughout. Race closed: a takeover raises the epoch, and a move by hand `moves`, in the same row
 * this updates, so one of the two waits for the other and then sees it.
 *
 * @returns the keys of the cursors that were written
 */
export async function settle(pool: pg.Pool, batch: SettleBatch, options: SettleOptions): Promise<Set<string>> {
  const shape = `${batch.hasFailures ? 'all' : 'lean'}${options.isRepeated ? '-again' : ''}`;
  const values = [
    ...cursorColumns(batch.cursorRows),
    ...attemptColumns(options.withAttempts ? batch.attempts : []),
    ...(batch.hasFailures ? failureColumns(batch) : []),
  ];
  const written = await pool.query<{ stream_id: number; subscription_id: number }>(
    within(patienceMs, {
      name: `settle-${shape}`,
      text: statement({ hasFailures: batch.hasFailures, isRepeated: options.isRepeated }),
      values,
    }),
  );
  return new Set(written.rows.map((row) => `${row.stream_id}/${row.subscription_id}`));
}

function statement({ hasFailures, isRepeated }: { hasFailures: boolean; isRepeated: boolean }): string {
  return /* sql */ `
    with fence as (
      update cursors c set
        settled_seq = greatest(c.settled_seq, u.settled_seq),
        settled_at = greatest(c.settled_at, to_timestamp(u.settled_at)),
        above = u.above, delivered = u.delivered, dead = u.dead, dropped = u.dropped, expired = c.expired + u.expired,
        parked_until = to_timestamp(u.parked_until), park_reason = u.park_reason, parked_since = to_timestamp(u.parked_since),
        park_probes = u.park_probes, park_error = u.park_error, filtered = u.filtered
      from unnest($1::int[], $2::int[], $3::int[], $4::int8[], $5::float8[], $6::int8multirange[],
                  $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::float8[], $12::text[], $13::float8[], $14::int2[],
                  $15::text[], $16::int8[], $17::int[])
        as u(stream_id, subscription_id, epoch, settled_seq, settled_at, above, delivered, dead, dropped, expired,
             parked_until, park_reason, parked_since, park_probes, park_error, filtered, moves)
      where c.stream_id = u.stream_id and c.subscription_id = u.subscription_id and c.epoch = u.epoch and c.moves = u.moves
      returning c.stream_id, c.subscription_id
    ), attempted as (
      insert into attempts (stream_id, subscription_id, seq, attempt_no, outcome, http_status, duration_ms, created_at, error, response)
      select u.stream_id, u.subscription_id, u.seq, u.attempt_no, u.outcome, u.http_status, u.duration_ms,
             to_timestamp(u.at), u.error, u.response
      from unnest($18::int[], $19::int[], $20::int8[], $21::int2[], $22::int2[], $23::int2[], $24::int[], $25::float8[],
                  $26::text[], $27::bytea[])
        as u(stream_id, subscription_id, seq, attempt_no, outcome, http_status, duration_ms, at, error, response)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      -- neighbours in the index are then neighbours in the table, which lets Postgres fill index pages before it splits them
      ${isRepeated ? notThereYet : ''}
      order by u.stream_id, u.subscription_id, u.seq
    )
    ${hasFailures ? failures : ''}
    select stream_id, subscription_id from fence`;
}

/** A condition and not ON CONFLICT, which writes a second WAL record for every row. */
const notThereYet = /* sql */ `
      where not exists (
        select 1 from attempts a
         where a.stream_id = u.stream_id and a.subscription_id = u.subscription_id and a.seq = u.seq
           and a.attempt_no = u.attempt_no and a.created_at = to_timestamp(u.at))`;

const failures = /* sql */ `
    , waiting as (
      insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, last_error, operation_id)
      select u.stream_id, u.subscription_id, u.seq, to_timestamp(u.event_at), u.attempt_no, u.kind, to_timestamp(u.next_at), u.error,
             u.operation_id
      from unnest($28::int[], $29::int[], $30::int8[], $31::float8[], $32::int2[], $33::int2[], $34::float8[], $35::text[], $62::uuid[])
        as u(stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, error, operation_id)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      on conflict (stream_id, subscription_id, seq) do update
        set attempt_no = excluded.attempt_no, kind = excluded.kind, next_at = excluded.next_at, last_error = excluded.last_error
    ), finished as (
      delete from retries r
      using unnest($36::int[], $37::int[], $38::int8[], $63::bool[]) as u(stream_id, subscription_id, seq, has_failed), fence f
      where r.stream_id = u.stream_id and r.subscription_id = u.subscription_id and r.seq = u.seq
        and f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      returning r.stream_id, r.operation_id, u.has_failed
    ), told as (
      -- counted from the rows that were there, so that a statement that is repeated tells nothing twice
      insert into operation_results (stream_id, operation_id, settled, failed)
      select stream_id, operation_id, count(*), count(*) filter (where has_failed)
        from finished where operation_id is not null group by stream_id, operation_id
    ), redelivered as (
      delete from dead_letters d
      using unnest($39::int[], $40::int[], $41::int8[]) as u(stream_id, subscription_id, seq), fence f
      where d.stream_id = u.stream_id and d.subscription_id = u.subscription_id and d.seq = u.seq
        and f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
    ), buried as (
      insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, error, http_status, attempts, event_at,
        event_id, topic, type, source, subject, key, content_type, attributes, data, fingerprint)
      select u.stream_id, u.subscription_id, u.seq, to_timestamp(u.dead_at), u.reason, u.error, u.http_status, u.attempts,
             to_timestamp(u.event_at), u.event_id, u.topic, u.type, u.source, u.subject, u.key, u.content_type, u.attributes,
             case when u.data_size >= 0 then substring($58::bytea from u.data_start for u.data_size) end, u.fingerprint
      from unnest($42::int[], $43::int[], $44::int8[], $45::float8[], $46::text[], $47::text[], $48::int2[], $49::int2[],
                  $50::float8[], $51::text[], $52::text[], $53::text[], $54::text[], $55::text[], $56::text[], $57::text[],
                  $59::text[], $60::int[], $61::int[], $64::text[])
        as u(stream_id, subscription_id, seq, dead_at, reason, error, http_status, attempts, event_at, event_id, topic,
             type, source, subject, key, content_type, attributes, data_start, data_size, fingerprint)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      on conflict (stream_id, subscription_id, seq) do update
        set dead_at = excluded.dead_at, reason = excluded.reason, error = excluded.error,
            http_status = excluded.http_status, attempts = excluded.attempts, fingerprint = excluded.fingerprint,
            announced = false
    )`;

const streamIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.stream.streamId));
const subscriptionIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.sender.subscriptionId));
const seqs = (rows: readonly { seq: number }[]) => numberArray(rows.map(({ seq }) => seq));
/** Postgres takes seconds; a double holds the milliseconds of any date exactly enough. */
const seconds = (ms: number) => ms / 1000;

function cursorColumns(rows: readonly CursorRow[]): unknown[] {
  return [
    streamIds(rows),
    subscriptionIds(rows),
    numberArray(rows.map(({ cursor }) => cursor.stream.epoch)),
    numberArray(rows.map(({ settledSeq }) => settledSeq)),
    numberArray(rows.map(({ settledAt }) => seconds(settledAt))),
    textArray(rows.map(({ above }) => above)),
    numberArray(rows.map(({ delivered }) => delivered)),
    numberArray(rows.map(({ dead }) => dead)),
    numberArray(rows.map(({ dropped }) => dropped)),
    numberArray(rows.map(({ expired }) => expired)),
    numberArray(rows.map(({ park }) => (park ? seconds(park.until) : null))),
    textArray(rows.map(({ park }) => park?.reason ?? null)),
    numberArray(rows.map(({ park }) => (park ? seconds(park.since) : null))),
    numberArray(rows.map(({ park }) => park?.probes ?? 0)),
    textArray(rows.map(({ park }) => park?.error ?? null)),
    numberArray(rows.map(({ filtered }) => filtered)),
    numberArray(rows.map(({ cursor }) => cursor.moves)),
  ];
}

function attemptColumns(rows: readonly AttemptRow[]): unknown[] {
  return [
    streamIds(rows),
    subscriptionIds(rows),
    seqs(rows),
    numberArray(rows.map(({ attempt }) => attempt)),
    numberArray(rows.map(({ outcome }) => outcome)),
    numberArray(rows.map(({ status }) => status)),
    numberArray(rows.map(({ durationMs }) => durationMs)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ error }) => error)),
    byteaArray(rows.map(({ response }) => response)),
  ];
}

function failureColumns({ retries, finished, dead }: SettleBatch): unknown[] {
  const redelivered = finished.filter(isRedelivered(dead));
  return [
    ...retryColumns(retries),
    ...[finished, redelivered].flatMap((rows) => [streamIds(rows), subscriptionIds(rows), seqs(rows)]),
    ...deadLetterColumns(dead),
    textArray(retries.map(({ operationId }) => operationId)),
    `{${finished.map(({ hasFailed }) => hasFailed).join(',')}}`,
    textArray(dead.map(({ fingerprint }) => fingerprint)),
  ];
}

/** A redelivery or replay that came through ends its dead letter. One that died again keeps it, with the new reason. */
function isRedelivered(dead: readonly DeadLetterRow[]): (row: FinishedRetry) => boolean {
  const buried = new Set(dead.map(({ cursor, event }) => `${cursor.key}/${event.seq}`));
  return ({ cursor, seq, kind }) => isAskedFor(kind) && !buried.has(`${cursor.key}/${seq}`);
}

function retryColumns(rows: readonly RetryRow[]): unknown[] {
  return [
    streamIds(rows),
    subscriptionIds(rows),
    seqs(rows),
    numberArray(rows.map(({ eventAt }) => seconds(eventAt))),
    numberArray(rows.map(({ attempts }) => attempts)),
    numberArray(rows.map(({ kind }) => kind)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ error }) => error)),
  ];
}

function deadLetterColumns(rows: readonly DeadLetterRow[]): unknown[] {
  const events = rows.map(({ event }) => event.stored);
  const data = events.map((event) => event.data);
  const starts: number[] = [];
  let size = 0;
  for (const bytes of data) {
    starts.push(size + 1);
    size += bytes?.length ?? 0;
  }
  return [
    streamIds(rows),
    subscriptionIds(rows),
    numberArray(events.map(({ seq }) => seq)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ reason }) => reason)),
    textArray(rows.map(({ error }) => error)),
    numberArray(rows.map(({ status }) => status)),
    numberArray(rows.map(({ attempts }) => attempts)),
    numberArray(rows.map(({ event }) => seconds(event.at))),
    textArray(events.map(({ id }) => id)),
    textArray(events.map(({ topic }) => topic)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ source }) => source)),
    textArray(events.map(({ subject }) => subject ?? null)),
    textArray(events.map(({ key }) => key ?? null)),
    textArray(events.map(({ contentType }) => contentType ?? null)),
    Buffer.concat(data.filter((bytes) => bytes !== undefined)),
    textArray(events.map(({ attributes }) => JSON.stringify(attributes))),
    numberArray(starts),
    numberArray(data.map((bytes) => bytes?.length ?? -1)),
  ];
}
