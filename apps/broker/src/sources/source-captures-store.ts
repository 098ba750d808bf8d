import { rows, type SqlSource } from '@hookcast/database';
import type pg from 'pg';

/** One raw request, with what nobody should read taken out. */
export interface Capture {
  sourceId: number;
  id: string;
  at: Date;
  verdict: string;
  reason: string | null;
  status: number;
  method: string;
  url: string;
  headers: [name: string, value: string][];
  /** Its first bytes. */
  body: Buffer;
  bodyBytes: number;
}

/** Keeps a request while there are fewer than `limit`; a concurrent writer may go one beyond. */
export async function addCapture(pool: pg.Pool, capture: Capture, limit: number): Promise<void> {
  const { sourceId, id, at, verdict, reason, status, method, url, headers, body, bodyBytes } = capture;
  await rows(
    pool,
    /* sql */ `
      insert into source_captures (source_id, id, at, verdict, reason, status, method, url, headers, body, body_bytes)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
      where (select count(*) from source_captures where source_id = $1) < $12`,
    [
      sourceId,
      id,
      at.toISOString(),
      verdict,
      reason,
      status,
      method,
      url,
      JSON.stringify(headers),
      body,
      bodyBytes,
      limit,
    ],
  );
}

interface CaptureRow {
  source_id: number;
  id: string;
  at: Date;
  verdict: string;
  reason: string | null;
  status: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: Buffer;
  body_bytes: number;
}

/** Newest first; there are at most 100. */
export async function listCaptures(source: SqlSource, sourceId: number): Promise<Capture[]> {
  const found = await rows<CaptureRow>(
    source,
    /* sql */ `select * from source_captures where source_id = $1 order by id desc`,
    [sourceId],
  );
  return found.map(({ source_id, body_bytes, ...rest }) => ({ ...rest, sourceId: source_id, bodyBytes: body_bytes }));
}

export async function deleteCaptures(source: SqlSource, sourceId: number): Promise<void> {
  await rows(source, /* sql */ `delete from source_captures where source_id = $1`, [sourceId]);
}

/** Captures before a time, of every source. */
export async function forgetCaptures(source: SqlSource, before: Date): Promise<void> {
  await rows(source, /* sql */ `delete from source_captures where at < $1`, [before.toISOString()]);
}
