import type pg from 'pg';
import type { WorkerWords } from './worker-words.js';

/** Workers that were silent for longer have nothing to say that still holds. */
const silenceSeconds = 10;

/** Says what a worker has under way and what it found out. Index: primary key. @returns false before its first heartbeat */
export async function sayWords(pool: pg.Pool, workerId: string, { inFlight, signs }: WorkerWords): Promise<boolean> {
  const said = await pool.query({
    name: 'workers-say',
    text: /* sql */ `update workers set in_flight = $2, signs = $3 where worker_id = $1`,
    values: [workerId, JSON.stringify(inFlight), JSON.stringify(signs)],
  });
  return said.rowCount === 1;
}

/** What the other workers said last, worker → its words. Scans workers, which are few. */
export async function hearWords(pool: pg.Pool, workerId: string): Promise<Map<string, WorkerWords>> {
  const found = await pool.query<{
    worker_id: string;
    in_flight: WorkerWords['inFlight'];
    signs: WorkerWords['signs'];
  }>({
    name: 'workers-hear',
    text: /* sql */ `
      select worker_id, in_flight, signs from workers
       where worker_id <> $1 and heartbeat_at > now() - $2 * interval '1 second'`,
    values: [workerId, silenceSeconds],
  });
  return new Map(found.rows.map((row) => [row.worker_id, { inFlight: row.in_flight, signs: row.signs }]));
}
