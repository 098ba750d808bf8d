import { rows, type SqlSource } from '@hookcast/database';
import type pg from 'pg';

export type Verdict = 'accepted' | 'duplicate' | 'handshake' | 'refused' | 'failed';

/** One request to a source, without its content. */
export interface Reception {
  sourceId: number;
  /** UUIDv7: sorts by time. */
  id: string;
  at: Date;
  verdict: Verdict;
  reason: string | null;
  status: number;
  bytes: number;
  durationMs: number;
  method: string;
  deliveryId: string | null;
  eventType: string | null;
  /** How many there were; of very large batches not all ids are kept. */
  events: number;
  eventIds: string[];
}

export interface MinuteCount {
  sourceId: number;
  /** Its beginning. */
  minute: Date;
  verdict: Verdict;
  /** Empty when there is none. */
  reason: string;
  requests: number;
  bytes: number;
}

export interface SecretUse {
  sourceId: number;
  secretId: string;
  lastAt: Date;
}

/** Adds requests and keeps the newest of each source: so many that went well, and so many that did not. */
export async function writeReceptions(pool: pg.Pool, receptions: readonly Reception[], kept: number): Promise<void> {
  await rows(
    pool,
    /* sql */ `
      insert into source_receptions
        (source_id, id, at, verdict, reason, status, bytes, duration_ms, method, delivery_id, event_type,
         events, event_ids)
      select r."sourceId", r.id, r.at, r.verdict, r.reason, r.status, r.bytes, r."durationMs", r.method,
             r."deliveryId", r."eventType", r.events, r."eventIds"
      from jsonb_to_recordset($1::jsonb) as r (
        "sourceId" int, id text, at timestamptz, verdict text, reason text, status smallint, bytes int,
        "durationMs" real, method text, "deliveryId" text, "eventType" text, events int, "eventIds" jsonb
      )
      on conflict do nothing`,
    [JSON.stringify(receptions)],
  );
  await rows(
    pool,
    /* sql */ `
      delete from source_receptions r using (
        select source_id, id, row_number() over (
          partition by source_id, verdict in ('refused', 'failed') order by id desc
        ) as place
        from source_receptions where source_id = any($1::int[])
      ) old
      where old.place > $2 and r.source_id = old.source_id and r.id = old.id`,
    [[...new Set(receptions.map(({ sourceId }) => sourceId))], kept],
  );
}

/** Sorted by the caller through the primary key order, so that two processes cannot wait for each other in a ring. */
export async function addMinutes(pool: pg.Pool, counts: readonly MinuteCount[]): Promise<void> {
  await rows(
    pool,
    /* sql */ `
      insert into source_minutes as m (source_id, minute, verdict, reason, requests, bytes)
      select c."sourceId", c.minute, c.verdict, c.reason, c.requests, c.bytes
      from jsonb_to_recordset($1::jsonb) as c (
        "sourceId" int, minute timestamptz, verdict text, reason text, requests bigint, bytes bigint
      )
      order by 1, 2, 3, 4
      on conflict (source_id, minute, verdict, reason)
      do update set requests = m.requests + excluded.requests, bytes = m.bytes + excluded.bytes`,
    [JSON.stringify(counts)],
  );
}

export async function noteSecretUses(pool: pg.Pool, uses: readonly SecretUse[]): Promise<void> {
  await rows(
    pool,
    /* sql */ `
      insert into source_secret_uses as u (source_id, secret_id, last_at)
      select s."sourceId", s."secretId", s."lastAt"
      from jsonb_to_recordset($1::jsonb) as s ("sourceId" int, "secretId" text, "lastAt" timestamptz)
      order by 1, 2
      on conflict (source_id, secret_id) do update set last_at = greatest(u.last_at, excluded.last_at)`,
    [JSON.stringify(uses)],
  );
}

interface ReceptionRow {
  source_id: number;
  id: string;
  at: Date;
  verdict: Verdict;
  reason: string | null;
  status: number;
  bytes: number;
  duration_ms: number;
  method: string;
  delivery_id: string | null;
  event_type: string | null;
  events: number;
  event_ids: string[];
}

/** Newest first, from `before` on. Served by source_receptions_pk. */
export async function listReceptions(
  source: SqlSource,
  wanted: { sourceId: number; verdict: Verdict | null; before: string | null; limit: number },
): Promise<Reception[]> {
  const found = await rows<ReceptionRow>(
    source,
    /* sql */ `
      select * from source_receptions
      where source_id = $1 and ($2::text is null or verdict = $2) and ($3::text is null or id < $3)
      order by id desc limit $4`,
    [wanted.sourceId, wanted.verdict, wanted.before, wanted.limit],
  );
  return found.map(toReception);
}

export async function findReception(source: SqlSource, sourceId: number, id: string): Promise<Reception | undefined> {
  const found = await rows<ReceptionRow>(
    source,
    /* sql */ `select * from source_receptions where source_id = $1 and id = $2`,
    [sourceId, id],
  );
  return found.map(toReception)[0];
}

function toReception(row: ReceptionRow): Reception {
  const { source_id, duration_ms, delivery_id, event_type, event_ids, ...rest } = row;
  return {
    ...rest,
    sourceId: source_id,
    durationMs: duration_ms,
    deliveryId: delivery_id,
    eventType: event_type,
    eventIds: event_ids,
  };
}

interface MinuteRow {
  source_id: number;
  minute: Date;
  verdict: Verdict;
  reason: string;
  requests: string;
  bytes: string;
}

/** Every count since a time. Served by source_minutes_pk. */
export async function minutesSince(
  source: SqlSource,
  sourceIds: readonly number[],
  since: Date,
): Promise<MinuteCount[]> {
  const found = await rows<MinuteRow>(
    source,
    /* sql */ `
      select source_id, minute, verdict, reason, requests, bytes from source_minutes
      where source_id = any($1::int[]) and minute >= $2 order by minute`,
    [sourceIds, since.toISOString()],
  );
  return found.map(({ source_id, requests, bytes, ...rest }) => ({
    ...rest,
    sourceId: source_id,
    requests: Number(requests),
    bytes: Number(bytes),
  }));
}

export async function secretUses(source: SqlSource, sourceIds: readonly number[]): Promise<SecretUse[]> {
  const found = await rows<{ source_id: number; secret_id: string; last_at: Date }>(
    source,
    /* sql */ `select source_id, secret_id, last_at from source_secret_uses where source_id = any($1::int[])`,
    [sourceIds],
  );
  return found.map(({ source_id, secret_id, last_at }) => ({
    sourceId: source_id,
    secretId: secret_id,
    lastAt: last_at,
  }));
}

/** Minutes before a time, of every source. */
export async function forgetMinutes(source: SqlSource, before: Date): Promise<void> {
  await rows(source, /* sql */ `delete from source_minutes where minute < $1`, [before.toISOString()]);
}

/** Everything but the keys it has seen, which may be many: the sweep forgets those. */
export async function deleteSourceRecords(tx: SqlSource, sourceId: number): Promise<void> {
  for (const statement of [
    /* sql */ `delete from source_receptions where source_id = $1`,
    /* sql */ `delete from source_minutes where source_id = $1`,
    /* sql */ `delete from source_secret_uses where source_id = $1`,
    /* sql */ `delete from source_captures where source_id = $1`,
  ]) {
    await rows(tx, statement, [sourceId]);
  }
}
