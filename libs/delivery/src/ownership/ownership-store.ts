import { notifyFree } from '@hookcast/log';
import type pg from 'pg';
import { within } from '../timing/patience.js';
import { cursorRow, type CursorColumns, type StoredCursor } from '../reading/cursor-store.js';

/** A sign of life that hangs this long can be given once more before this worker has to stop sending. */
const patienceMs = 3_500;

/** Who this worker is to the others. */
export interface WorkerIdentity {
  /** UUID, new for every start. */
  workerId: string;
  /** Names the machine, its boot and the space its process ids belong to; see host-identity.ts. */
  host: string;
  pid: number;
  startedAt: Date;
}

export interface WorkerRow extends WorkerIdentity {
  /** Since its last sign of life, by the database's clock. */
  silentMs: number;
  /** It takes no streams any more, and gives away those that it has. */
  isLeaving: boolean;
}

export interface Beat {
  /** The time of the database. */
  at: Date;
  /** False when the row was not there: at the first beat, or after the server lost the unlogged table. */
  wasKnown: boolean;
}

export interface Claim {
  streamId: number;
  epoch: number;
  head: number;
  cursors: StoredCursor[];
}

interface WorkerColumns {
  worker_id: string;
  host: string;
  pid: number;
  started_at: Date;
  silent_ms: number;
  is_leaving: boolean;
}

type ClaimColumns = { claimed_id: number; claimed_epoch: number; head_seq: string } & (
  CursorColumns | { [column in keyof CursorColumns]: null }
);

/** The rows by which workers share out streams. */
export class OwnershipStore {
  constructor(private readonly pool: pg.Pool) {}

  /** A sign of life. */
  async beat({ workerId, host, pid, startedAt }: WorkerIdentity, isLeaving: boolean): Promise<Beat> {
    const beaten = await this.pool.query<{ at: Date }>(
      within(patienceMs, {
        name: 'worker-beat',
        text: /* sql */ `
        update workers set heartbeat_at = now(), is_leaving = $2 where worker_id = $1 returning heartbeat_at as at`,
        values: [workerId, isLeaving],
      }),
    );
    if (beaten.rows[0]) return { at: beaten.rows[0].at, wasKnown: true };
    const begun = await this.pool.query<{ at: Date }>(
      /* sql */ `
      insert into workers (worker_id, heartbeat_at, started_at, host, pid, is_leaving) values ($1, now(), $2, $3, $4, $5)
      on conflict (worker_id) do update set heartbeat_at = now(), is_leaving = excluded.is_leaving
      returning heartbeat_at as at`,
      [workerId, startedAt, host, pid, isLeaving],
    );
    return { at: begun.rows[0]?.at ?? startedAt, wasKnown: false };
  }

  async workers(): Promise<WorkerRow[]> {
    const found = await this.pool.query<WorkerColumns>(
      within(patienceMs, {
        name: 'workers',
        text: /* sql */ `
        select worker_id, host, pid, started_at, is_leaving,
               (extract(epoch from now() - heartbeat_at) * 1000)::float8 as silent_ms
          from workers`,
      }),
    );
    return found.rows.map((row) => ({
      workerId: row.worker_id,
      host: row.host,
      pid: row.pid,
      startedAt: row.started_at,
      silentMs: row.silent_ms,
      isLeaving: row.is_leaving,
    }));
  }

  /** What the worker owns, stream → epoch. A scan: there are as many rows as streams. */
  async owned(workerId: string): Promise<Map<number, number>> {
    const found = await this.pool.query<{ stream_id: number; epoch: number }>(
      within(patienceMs, {
        name: 'assignments-owned',
        text: /* sql */ `select stream_id, epoch from assignments where owner = $1 and lane = 0`,
        values: [workerId],
      }),
    );
    return new Map(found.rows.map((row) => [row.stream_id, row.epoch]));
  }

  /** Whether somebody gave a stream away that nobody has taken yet. */
  async someAreFree(): Promise<boolean> {
    const found = await this.pool.query<{ some: boolean }>(
      within(patienceMs, {
        name: 'assignments-free',
        text: /* sql */ `select exists (select 1 from assignments where owner is null) as some`,
      }),
    );
    return found.rows[0]?.some ?? false;
  }

  /**
   * Takes over those of the streams that nobody alive owns, and raises their epoch in assignments and cursors in one
   * statement. Index: primary keys.
   *
   * Race closed: the update of a cursor waits for a settle of the old owner that is under way and then returns what
   * that wrote; a settle that comes later finds the higher epoch and writes nothing. A claim that arrives after its
   * repetition finds an epoch that it did not know of, and takes nothing from under the worker's own feet.
   *
   * @param query.held what the table says the worker owns, stream → epoch; it takes these anew
   */
  async claim(query: {
    workerId: string;
    streamIds: readonly number[];
    /** False: only what is free or its own already, whoever seems dead. */
    fromSilent: boolean;
    deadAfterMs: number;
    held: ReadonlyMap<number, number>;
  }): Promise<Claim[]> {
    const { workerId, streamIds, fromSilent, deadAfterMs, held } = query;
    const claimed = await this.pool.query<ClaimColumns>(
      within(patienceMs, {
        name: 'assignments-claim',
        text: /* sql */ `
        with free as (
          select a.stream_id, a.lane from assignments a
           where a.stream_id = any($2::int[]) and a.lane = 0
             and (a.owner is null
                  or (a.owner = $1 and (a.stream_id, a.epoch) in (select * from unnest($5::int[], $6::int[])))
                  or $4 and not exists (select 1 from workers w where w.worker_id = a.owner
                                           and w.heartbeat_at > now() - $3 * interval '1 millisecond'))
           order by a.stream_id for no key update skip locked
        ), got as (
          update assignments a set owner = $1, epoch = a.epoch + 1, since = now() from free f
           where a.stream_id = f.stream_id and a.lane = f.lane
          returning a.stream_id, a.epoch
        ), fenced as (
          update cursors c set epoch = g.epoch from got g where c.stream_id = g.stream_id returning c.*
        )
        select g.stream_id as claimed_id, g.epoch as claimed_epoch, s.head_seq, f.*
          from got g join streams s on s.stream_id = g.stream_id left join fenced f on f.stream_id = g.stream_id`,
        values: [workerId, streamIds, deadAfterMs, fromSilent, [...held.keys()], [...held.values()]],
      }),
    );
    return claims(claimed.rows);
  }

  /**
   * Gives streams away, unless they have changed hands since, and lets the others know. Index: primary key.
   *
   * Race closed: one that arrives late finds another epoch, also when the stream has come back to this worker.
   *
   * @param streams stream → epoch of the ownership that ends
   */
  async release(workerId: string, streams: ReadonlyMap<number, number>): Promise<void> {
    await this.pool.query(
      within(patienceMs, {
        name: 'assignments-release',
        text: /* sql */ `
        update assignments a set owner = null, since = now()
          from unnest($2::int[], $3::int[]) as g(stream_id, epoch)
         where a.owner = $1 and a.lane = 0 and a.stream_id = g.stream_id and a.epoch = g.epoch`,
        values: [workerId, [...streams.keys()], [...streams.values()]],
      }),
    );
    await notifyFree(this.pool);
  }

  /** Gives everything of a worker away, lets the others know, and takes its leave. */
  async leave(workerId: string): Promise<void> {
    await this.pool.query(
      /* sql */ `
      with gone as (delete from workers where worker_id = $1)
      update assignments set owner = null, since = now() where owner = $1`,
      [workerId],
    );
    await notifyFree(this.pool);
  }

  /** Forgets workers that have been silent for longer than anybody could mind. */
  async forgetWorkers(silentMs: number): Promise<number> {
    const gone = await this.pool.query(
      /* sql */ `delete from workers where heartbeat_at < now() - $1 * interval '1 millisecond'`,
      [silentMs],
    );
    return gone.rowCount ?? 0;
  }
}

function claims(rows: readonly ClaimColumns[]): Claim[] {
  const byStream = new Map<number, Claim>();
  for (const row of rows) {
    const claim = byStream.get(row.claimed_id) ?? {
      streamId: row.claimed_id,
      epoch: row.claimed_epoch,
      head: Number(row.head_seq),
      cursors: [],
    };
    byStream.set(row.claimed_id, claim);
    if (row.subscription_id !== null) claim.cursors.push(cursorRow(row));
  }
  return [...byStream.values()];
}
