import { rows, type SqlSource } from '@hookcast/database';

export interface LiveWorker {
  workerId: string;
  host: string;
  pid: number;
  startedAt: Date;
  heartbeatAt: Date;
  streams: number;
  /** The first of them, `<topic>/<partition>`. */
  owns: string[];
}

interface WorkerRow {
  worker_id: string;
  host: string;
  pid: number;
  started_at: Date;
  heartbeat_at: Date;
  streams: string;
  owns: string[];
}

/** Workers that gave a sign of life, with how many streams each owns. Scans two small tables. */
export async function liveWorkers(source: SqlSource, since: Date): Promise<LiveWorker[]> {
  const found = await rows<WorkerRow>(
    source,
    /* sql */ `
      select w.worker_id, w.host, w.pid, w.started_at, w.heartbeat_at,
             (select count(*) from assignments a where a.owner = w.worker_id) as streams,
             array(select t.name || '/' || s.partition_no
                     from assignments a join streams s using (stream_id) join topics t on t.id = s.topic_id
                    where a.owner = w.worker_id order by t.name, s.partition_no limit 20) as owns
      from workers w where w.heartbeat_at >= $1 order by w.started_at, w.worker_id`,
    [since],
  );
  return found.map((row) => ({
    workerId: row.worker_id,
    host: row.host,
    pid: row.pid,
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
    streams: Number(row.streams),
    owns: row.owns,
  }));
}
