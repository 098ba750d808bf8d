import type pg from 'pg';
import { byteaArray, numberArray, textArray } from '../array-literal.js';
import type { AttemptRow, CursorRow, DeadLetterRow, FinishedRetry, RetryRow, SettleBatch } from './settle-batch.js';
import { within } from '../timing/patience.js';

/** Results wait in memory meanwhile; a statement that arrives later than its repetition does no harm. */
const patienceMs = 10_000;

export interface SettleOptions {
  /** The same batch was sent before and it is not known whether it was committed. */
  isRepeated: boolean;
  /** False when the server refused the rows of attempts: the state of deliveries matters more than their history. */
  withAttempts: boolean;
}

/**
 * Writes a batch in one statement. Every part is joined to `fence`: the cursors whose epoch is still this worker's, that
 * nobody has moved by hand since, and whose last settle that was written is the one before this. A stale statement
 * writes nothing at all, and one that is sent again writes what the first has not. So nothing is written twice, whatever
 * arrives when.
 *
 * Index: primary keys throughout. Race closed: a takeover raises the epoch, a move by hand `moves` and a settle
 * `settle_no`, in the row that this updates, so one of the two waits for the other and then sees it.
 *
 * @returns the keys of the cursors that stand as the batch has them, written by this statement or one before it
 */
export async function settle(pool: pg.Pool, batch: SettleBatch, options: SettleOptions): Promise<Set<string>> {
  const written = await pool.query<CursorKey>(
    within(patienceMs, {
      name: batch.hasFailures ? 'settle-all' : 'settle-lean',
      text: batch.hasFailures ? settleAll : settleLean,
      values: [
        ...cursorColumns(batch.cursorRows),
        ...attemptColumns(options.withAttempts ? batch.attempts : []),
        ...(batch.hasFailures ? failureColumns(batch) : []),
      ],
    }),
  );
  const keys = new Set(written.rows.map(keyOf));
  const missing = batch.cursorRows.filter(({ cursor }) => !keys.has(cursor.key));
  if (options.isRepeated && missing.length > 0) for (const key of await writtenBefore(pool, missing)) keys.add(key);
  return keys;
}

interface CursorKey {
  stream_id: number;
  subscription_id: number;
}

const keyOf = (row: CursorKey): string => `${row.stream_id}/${row.subscription_id}`;

/**
 * Those whose settle was written by a statement whose answer was lost. A statement of its own: one that has waited for
 * the other would look with a snapshot that is older. Index: primary key.
 */
async function writtenBefore(pool: pg.Pool, rows: readonly CursorRow[]): Promise<string[]> {
  const found = await pool.query<CursorKey>(
    within(patienceMs, {
      name: 'written-before',
      text: /* sql */ `
        select c.stream_id, c.subscription_id
          from unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::int8[])
            as u(stream_id, subscription_id, epoch, moves, settle_no)
          join cursors c using (stream_id, subscription_id, epoch, moves, settle_no)`,
      values: [streamIds(rows), subscriptionIds(rows), epochs(rows), moves(rows), settleNumbers(rows)],
    }),
  );
  return found.rows.map(keyOf);
}

const statement = (failures: string): string => /* sql */ `
    with fence as (
      update cursors c set
        settled_seq = greatest(c.settled_seq, u.settled_seq),
        settled_at = greatest(c.settled_at, to_timestamp(u.settled_at)),
        above = u.above, delivered = c.delivered + u.delivered, dead = c.dead + u.dead, dropped = c.dropped + u.dropped,
        expired = c.expired + u.expired, filtered = c.filtered + u.filtered, repeated = c.repeated + u.repeated,
        parked_until = to_timestamp(u.parked_until), park_reason = u.park_reason, parked_since = to_timestamp(u.parked_since),
        park_probes = u.park_probes, park_error = u.park_error, settle_no = u.settle_no
      from unnest($1::int[], $2::int[], $3::int[], $4::int8[], $5::float8[], $6::int8multirange[],
                  $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::float8[], $12::text[], $13::float8[], $14::int2[],
                  $15::text[], $16::int8[], $17::int[], $18::int8[], $19::int8[])
        as u(stream_id, subscription_id, epoch, settled_seq, settled_at, above, delivered, dead, dropped, expired,
             parked_until, park_reason, parked_since, park_probes, park_error, filtered, moves, settle_no,
             repeated)
      where c.stream_id = u.stream_id and c.subscription_id = u.subscription_id and c.epoch = u.epoch and c.moves = u.moves
        and c.settle_no = u.settle_no - 1
      returning c.stream_id, c.subscription_id
    ), attempted as (
      insert into attempts (stream_id, subscription_id, seq, attempt_no, outcome, http_status, duration_ms, created_at, error, response)
      select u.stream_id, u.subscription_id, u.seq, u.attempt_no, u.outcome, u.http_status, u.duration_ms,
             to_timestamp(u.at), u.error, u.response
      from unnest($20::int[], $21::int[], $22::int8[], $23::int2[], $24::int2[], $25::int2[], $26::int[], $27::float8[],
                  $28::text[], $29::bytea[])
        as u(stream_id, subscription_id, seq, attempt_no, outcome, http_status, duration_ms, at, error, response)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      -- neighbours in the index are then neighbours in the table, which lets Postgres fill index pages before it splits them
      order by u.stream_id, u.subscription_id, u.seq
    )
    ${failures}
    select stream_id, subscription_id from fence`;

const failures = /* sql */ `
    , waiting as (
      insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, last_error, operation_id,
                           is_repeat)
      select u.stream_id, u.subscription_id, u.seq, to_timestamp(u.event_at), u.attempt_no, u.kind, to_timestamp(u.next_at), u.error,
             u.operation_id, u.is_repeat
      from unnest($30::int[], $31::int[], $32::int8[], $33::float8[], $34::int2[], $35::int2[], $36::float8[], $37::text[], $64::uuid[], $67::bool[])
        as u(stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, error, operation_id, is_repeat)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      on conflict (stream_id, subscription_id, seq) do update
        set attempt_no = excluded.attempt_no, kind = excluded.kind, next_at = excluded.next_at, last_error = excluded.last_error
    ), finished as (
      delete from retries r
      using unnest($38::int[], $39::int[], $40::int8[], $65::bool[]) as u(stream_id, subscription_id, seq, has_failed), fence f
      where r.stream_id = u.stream_id and r.subscription_id = u.subscription_id and r.seq = u.seq
        and f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      returning r.stream_id, r.operation_id, u.has_failed
    ), told as (
      -- counted from the rows that were there: one may have gone with its day, or by hand
      insert into operation_results (stream_id, operation_id, settled, failed)
      select stream_id, operation_id, count(*), count(*) filter (where has_failed)
        from finished where operation_id is not null group by stream_id, operation_id
    ), redelivered as (
      delete from dead_letters d
      using unnest($41::int[], $42::int[], $43::int8[]) as u(stream_id, subscription_id, seq), fence f
      where d.stream_id = u.stream_id and d.subscription_id = u.subscription_id and d.seq = u.seq
        and f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
    ), buried as (
      insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, error, http_status, attempts, event_at,
        event_id, topic, type, source, subject, key, content_type, attributes, data, fingerprint)
      select u.stream_id, u.subscription_id, u.seq, to_timestamp(u.dead_at), u.reason, u.error, u.http_status, u.attempts,
             to_timestamp(u.event_at), u.event_id, u.topic, u.type, u.source, u.subject, u.key, u.content_type, u.attributes,
             case when u.data_size >= 0 then substring($60::bytea from u.data_start for u.data_size) end, u.fingerprint
      from unnest($44::int[], $45::int[], $46::int8[], $47::float8[], $48::text[], $49::text[], $50::int2[], $51::int2[],
                  $52::float8[], $53::text[], $54::text[], $55::text[], $56::text[], $57::text[], $58::text[], $59::text[],
                  $61::text[], $62::int[], $63::int[], $66::text[])
        as u(stream_id, subscription_id, seq, dead_at, reason, error, http_status, attempts, event_at, event_id, topic,
             type, source, subject, key, content_type, attributes, data_start, data_size, fingerprint)
      join fence f on f.stream_id = u.stream_id and f.subscription_id = u.subscription_id
      on conflict (stream_id, subscription_id, seq) do update
        set dead_at = excluded.dead_at, reason = excluded.reason, error = excluded.error,
            http_status = excluded.http_status, attempts = excluded.attempts, fingerprint = excluded.fingerprint,
            announced = false
    )`;

const settleAll = statement(failures);
const settleLean = statement('');

const streamIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.stream.streamId));
const subscriptionIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.sender.subscriptionId));
const epochs = (rows: readonly CursorRow[]) => numberArray(rows.map(({ cursor }) => cursor.stream.epoch));
const moves = (rows: readonly CursorRow[]) => numberArray(rows.map(({ cursor }) => cursor.moves));
const settleNumbers = (rows: readonly CursorRow[]) => numberArray(rows.map(({ settleNo }) => settleNo));
const seqs = (rows: readonly { seq: number }[]) => numberArray(rows.map(({ seq }) => seq));
const booleans = (values: readonly boolean[]) => `{${values.join(',')}}`;
/** Postgres takes seconds; a double holds the milliseconds of any date exactly enough. */
const seconds = (ms: number) => ms / 1000;

function cursorColumns(rows: readonly CursorRow[]): unknown[] {
  const counted = (what: keyof CursorRow['counts']) => numberArray(rows.map(({ counts }) => counts[what]));
  return [
    streamIds(rows),
    subscriptionIds(rows),
    epochs(rows),
    numberArray(rows.map(({ settledSeq }) => settledSeq)),
    numberArray(rows.map(({ settledAt }) => seconds(settledAt))),
    textArray(rows.map(({ above }) => above)),
    ...(['delivered', 'dead', 'dropped', 'expired'] as const).map(counted),
    numberArray(rows.map(({ park }) => (park ? seconds(park.until) : null))),
    textArray(rows.map(({ park }) => park?.reason ?? null)),
    numberArray(rows.map(({ park }) => (park ? seconds(park.since) : null))),
    numberArray(rows.map(({ park }) => park?.probes ?? 0)),
    textArray(rows.map(({ park }) => park?.error ?? null)),
    counted('filtered'),
    moves(rows),
    settleNumbers(rows),
    counted('repeated'),
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
    booleans(finished.map(({ hasFailed }) => hasFailed)),
    textArray(dead.map(({ fingerprint }) => fingerprint)),
    booleans(retries.map(({ isRepeat }) => isRepeat)),
  ];
}

/**
 * What came through ends its dead letter: that of a redelivery or replay, and the one that the log has made of a retry
 * whose day went while it was in flight. One that died again keeps it, with the new reason.
 */
function isRedelivered(dead: readonly DeadLetterRow[]): (row: FinishedRetry) => boolean {
  const buried = new Set(dead.map(({ cursor, event }) => `${cursor.key}/${event.seq}`));
  return ({ cursor, seq, hasFailed }) => !hasFailed && !buried.has(`${cursor.key}/${seq}`);
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
