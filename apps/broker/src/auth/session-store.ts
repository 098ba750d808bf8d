import { rows, type SqlSource } from '@hookcast/database';

export interface SessionRow {
  keyId: string;
  keyProof: Buffer;
  createdAt: Date;
  seenAt: Date;
  expiresAt: Date;
}

export async function insertSession(source: SqlSource, idHash: Buffer, session: SessionRow): Promise<void> {
  const { keyId, keyProof, createdAt, seenAt, expiresAt } = session;
  await rows(
    source,
    /* sql */ `
      insert into page_sessions (id_hash, key_id, key_proof, created_at, seen_at, expires_at)
      values ($1, $2, $3, $4, $5, $6)`,
    [idHash, keyId, keyProof, createdAt, seenAt, expiresAt],
  );
}

/** By primary key. */
export async function findSession(source: SqlSource, idHash: Buffer): Promise<SessionRow | undefined> {
  const [found] = await rows<SessionRow>(
    source,
    /* sql */ `
      select key_id as "keyId", key_proof as "keyProof", created_at as "createdAt", seen_at as "seenAt",
        expires_at as "expiresAt"
      from page_sessions where id_hash = $1`,
    [idHash],
  );
  return found;
}

/** By primary key; a time before the stored one changes nothing. */
export async function touchSession(source: SqlSource, idHash: Buffer, at: Date): Promise<void> {
  await rows(source, /* sql */ `update page_sessions set seen_at = $2 where id_hash = $1 and seen_at < $2`, [
    idHash,
    at,
  ]);
}

export async function deleteSession(source: SqlSource, idHash: Buffer): Promise<void> {
  await rows(source, /* sql */ `delete from page_sessions where id_hash = $1`, [idHash]);
}

/** Those whose time is over. The table is small: one row per login of the last hours. */
export async function deleteEndedSessions(source: SqlSource, now: Date, idleSince: Date): Promise<void> {
  await rows(source, /* sql */ `delete from page_sessions where expires_at <= $1 or seen_at <= $2`, [now, idleSince]);
}
