import type pg from 'pg';
import type { Park } from '../flow/park.js';
import type { CursorState } from './owned-stream.js';

export interface StoredCursor extends CursorState {
  streamId: number;
  subscriptionId: number;
  epoch: number;
}

export interface CursorColumns {
  stream_id: number;
  subscription_id: number;
  epoch: number;
  settled_seq: string;
  /** node-postgres gives the number for -infinity. */
  settled_at: Date | number;
  above: string;
  parked_until: Date | null;
  park_reason: string | null;
  parked_since: Date | null;
  park_probes: number;
  park_error: string | null;
  drain_seq: string;
  moves: number;
  settle_no: string;
}

export function cursorRow(row: CursorColumns): StoredCursor {
  return {
    streamId: row.stream_id,
    subscriptionId: row.subscription_id,
    epoch: row.epoch,
    settledSeq: Number(row.settled_seq),
    settledAt: Number(row.settled_at),
    above: row.above,
    drainSeq: Number(row.drain_seq),
    moves: row.moves,
    settleNo: Number(row.settle_no),
    park: park(row),
  };
}

function park(row: CursorColumns): Park | undefined {
  if (row.parked_until === null) return undefined;
  const until = row.parked_until.getTime();
  return {
    until,
    reason: row.park_reason === 'failing' ? 'failing' : 'retry-after',
    since: row.parked_since?.getTime() ?? until,
    probes: row.park_probes,
    error: row.park_error ?? '',
  };
}

/**
 * The cursors of owned streams, with those that were created since the streams were taken over. Index: primary key.
 *
 * Race closed: a cursor created while its stream changed hands carries the epoch of the owner before; it is raised to
 * that of `owned`, never lowered, so a worker that has lost a stream without knowing cannot take a cursor back.
 *
 * @param owned stream → epoch
 * @param subscriptionIds only theirs
 */
export async function adoptCursors(
  pool: pg.Pool,
  owned: ReadonlyMap<number, number>,
  subscriptionIds?: readonly number[],
): Promise<StoredCursor[]> {
  if (owned.size === 0) return [];
  const { name, raise, read } = subscriptionIds === undefined ? wholeStreams : someSubscriptions;
  const streamIds = [...owned.keys()];
  const meant = subscriptionIds === undefined ? [] : [subscriptionIds];
  await pool.query({ name: `${name}-adopt`, text: raise, values: [streamIds, [...owned.values()], ...meant] });
  const found = await pool.query<CursorColumns>({ name: `${name}-read`, text: read, values: [streamIds, ...meant] });
  return found.rows.map(cursorRow);
}

const raiseText = /* sql */ `
  update cursors c set epoch = o.epoch
    from unnest($1::int[], $2::int[]) as o(stream_id, epoch)
   where c.stream_id = o.stream_id and c.epoch < o.epoch`;
const readText = /* sql */ `
  select stream_id, subscription_id, epoch, settled_seq, settled_at, above,
         parked_until, park_reason, parked_since, park_probes, park_error, drain_seq, moves, settle_no
    from cursors where stream_id = any($1::int[])`;

const wholeStreams = { name: 'cursors-of-streams', raise: raiseText, read: readText };
const someSubscriptions = {
  name: 'cursors-of-subscriptions',
  raise: /* sql */ `${raiseText} and c.subscription_id = any($3::int[])`,
  read: /* sql */ `${readText} and subscription_id = any($2::int[])`,
};
