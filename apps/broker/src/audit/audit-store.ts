import { rows, type SqlSource } from '@hookcast/database';

/** One line of the audit log, to be written. */
export interface AuditEntry {
  at: Date;
  /** Whose administrators may read it. */
  namespace: string;
  keyId: string;
  keyName: string;
  method: string;
  action: string;
  target: string;
  /** `done`, or the code of the problem that refused it. */
  outcome: string;
  detail: string | null;
  before: unknown;
  after: unknown;
  requestId: string | null;
  address: string | null;
  /** How often it happened, where repetitions share one entry. */
  count: number;
}

export interface StoredEntry extends AuditEntry {
  id: number;
}

export interface AuditFilter {
  namespace: string;
  actor?: string;
  action?: string;
  target?: string;
  from?: Date;
  to?: Date;
  /** Entries with a smaller id. */
  before?: number;
  limit: number;
}

/** In the transaction of what it tells of, where there is one. */
export async function insertEntries(source: SqlSource, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await rows(
    source,
    /* sql */ `
    insert into audit_log (at, namespace, key_id, key_name, method, action, target, outcome, detail, before, after, request_id, address, count)
    select at, namespace, "keyId", "keyName", method, action, target, outcome, detail, before, after, "requestId", address, count
    from jsonb_to_recordset($1::jsonb) as e (at timestamptz, namespace text, "keyId" text, "keyName" text, method text, action text,
      target text, outcome text, detail text, before jsonb, after jsonb, "requestId" text, address text, count integer)`,
    // Postgres stores no NUL in text; none of ours has one, but a client's may.
    [JSON.stringify(entries).replaceAll('\\u0000', '\\ufffd')],
  );
}

/**
 * Newest first, by id: from the end of the primary key. A filter that few entries pass reads the log to its end, which
 * an administrator may wait for; times are bounded by `audit_log_by_time`.
 */
export async function listEntries(source: SqlSource, filter: AuditFilter): Promise<StoredEntry[]> {
  const found = await rows<StoredEntry & { id: string }>(
    source,
    /* sql */ `
    select id, at, namespace, key_id as "keyId", key_name as "keyName", method, action, target, outcome, detail, before, after,
      request_id as "requestId", address, count
    from audit_log
    where ($1::text is null or key_id = $1 or key_name = $1)
      and ($2::text is null or action = $2)
      and ($3::text is null or target = $3)
      and ($4::timestamptz is null or at >= $4)
      and ($5::timestamptz is null or at < $5)
      and ($6::bigint is null or id < $6)
      and namespace = $7
    order by id desc limit $8`,
    [filter.actor, filter.action, filter.target, filter.from, filter.to, filter.before, filter.namespace, filter.limit],
  );
  return found.map((row) => ({ ...row, id: Number(row.id) }));
}

/** Forgets at most `limit` entries older than a time, the oldest first: by `audit_log_by_time`. */
export async function pruneEntries(source: SqlSource, before: Date, limit: number): Promise<number> {
  const gone = await rows<{ id: string }>(
    source,
    /* sql */ `
    delete from audit_log where id in (select id from audit_log where at < $1 order by at limit $2) returning id`,
    [before, limit],
  );
  return gone.length;
}
