import type pg from 'pg';
import { textArray } from '../array-literal.js';
import type { StreamCursor } from '../reading/owned-stream.js';
import type { CursorRow, SettleBatch } from './settle-batch.js';
import {
  attemptColumns,
  cursorColumns,
  epochs,
  failureColumns,
  moves,
  settleNumbers,
  streamIds,
  subscriptionIds,
} from './settle-columns.js';
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
 * `settle_no`, in the row that this updates, so one of the two waits for the other and then sees it. Whoever changes the
 * row without that (a day that ends, a topic that is left) moves it from where this statement expects it: it misses then, and
 * the statement that looks by key decides.
 *
 * @returns the keys of the cursors that stand as the batch has them, written by this statement or one before it
 */
export async function settle(pool: pg.Pool, batch: SettleBatch, options: SettleOptions): Promise<Set<string>> {
  const values = [
    ...cursorColumns(batch.cursorRows),
    ...attemptColumns(options.withAttempts ? batch.attempts : []),
    ...(batch.hasFailures ? failureColumns(batch) : []),
  ];
  const { atPlace, byKey } = batch.hasFailures ? statements.all : statements.lean;
  const keys = new Set<string>();
  const missing = () => batch.cursorRows.filter(({ cursor }) => !keys.has(cursor.key));
  const write = async (config: { name: string; text: string; values: unknown[] }) => {
    const written = await pool.query<WrittenCursor>(within(patienceMs, config));
    const placeOf = new Map(written.rows.map((row) => [keyOf(row), row.place]));
    for (const { cursor } of missing()) remember(cursor, placeOf.get(cursor.key));
    for (const key of placeOf.keys()) keys.add(key);
  };
  const known = knownPlaces(batch.cursorRows);
  if (known !== undefined) await write({ ...atPlace, values: [...values, textArray(known)] });
  if (missing().length > 0) await write({ ...byKey, values });
  if (options.isRepeated && missing().length > 0) for (const key of await writtenBefore(pool, missing())) keys.add(key);
  return keys;
}

interface WrittenCursor extends CursorKey {
  /** Where the version is that was written. */
  place: string;
}

/**
 * Where the newest version of the row of each cursor is, as the last settle has left it. While a snapshot is held open
 * Postgres keeps every version that a row has had, and a look by its key passes them all, 40 ns each. A place that is
 * not the newest any more finds nothing.
 */
const places = new WeakMap<StreamCursor, string>();

function remember(cursor: StreamCursor, place: string | undefined): void {
  if (place === undefined) places.delete(cursor);
  else places.set(cursor, place);
}

/** Undefined unless all are known. */
function knownPlaces(rows: readonly CursorRow[]): string[] | undefined {
  const known = rows.map(({ cursor }) => places.get(cursor)).filter((place) => place !== undefined);
  return known.length === rows.length ? known : undefined;
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

/** How a statement finds the rows of its cursors. */
interface Look {
  /** A further column of `u`, and what fills it. */
  column: string;
  parameter: string;
  where: string;
}

const lookByKey: Look = {
  column: '',
  parameter: '',
  where: 'c.stream_id = u.stream_id and c.subscription_id = u.subscription_id',
};

/** The key is compared in a way that no index serves: it is for the planner, which would look by key else. */
const lookAtPlace = (parameter: number): Look => ({
  column: ', place',
  parameter: `, $${parameter}::tid[]`,
  where: /* sql */ `c.ctid = u.place
        and (c.stream_id, c.subscription_id) is not distinct from (u.stream_id, u.subscription_id)`,
});

const statement = ({ column, parameter, where }: Look, failures: string): string => /* sql */ `
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
                  $15::text[], $16::int8[], $17::int[], $18::int8[], $19::int8[]${parameter})
        as u(stream_id, subscription_id, epoch, settled_seq, settled_at, above, delivered, dead, dropped, expired,
             parked_until, park_reason, parked_since, park_probes, park_error, filtered, moves, settle_no,
             repeated${column})
      where ${where} and c.epoch = u.epoch and c.moves = u.moves
        and c.settle_no = u.settle_no - 1
      returning c.stream_id, c.subscription_id, c.ctid as place
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
    select stream_id, subscription_id, place from fence`;

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

const statements = {
  all: {
    atPlace: { name: 'settle-all', text: statement(lookAtPlace(68), failures) },
    byKey: { name: 'settle-all-by-key', text: statement(lookByKey, failures) },
  },
  lean: {
    atPlace: { name: 'settle-lean', text: statement(lookAtPlace(30), '') },
    byKey: { name: 'settle-lean-by-key', text: statement(lookByKey, '') },
  },
};
