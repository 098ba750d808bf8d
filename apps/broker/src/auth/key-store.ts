import { rows, type SqlSource } from '@hookcast/database';

/** What deciding about a request takes. */
export interface KeyRow {
  id: string;
  name: string;
  namespace: string;
  scopes: string[];
  hash: Buffer;
  previousHash: Buffer | null;
  previousExpiresAt: Date | null;
  expiresAt: Date | null;
}

/** Keys that were not revoked, expired ones too. By primary key. */
export async function findKeys(source: SqlSource, ids: readonly string[]): Promise<KeyRow[]> {
  return rows<KeyRow>(
    source,
    /* sql */ `
    select id, name, namespace, scopes, hash, previous_hash as "previousHash", previous_expires_at as "previousExpiresAt",
      expires_at as "expiresAt"
    from api_keys where id = any($1) and revoked_at is null`,
    [ids],
  );
}

/** Processes write out of order, so only a later time counts. By primary key, in its order, against deadlocks. */
export async function recordUses(source: SqlSource, uses: ReadonlyMap<string, Date>): Promise<void> {
  const sorted = [...uses].toSorted(([one], [other]) => (one < other ? -1 : 1));
  await rows(
    source,
    /* sql */ `
    with used as (
      select k.id, u.at from unnest($1::text[], $2::timestamptz[]) as u (id, at)
      join api_keys k on k.id = u.id where k.last_used_at is null or k.last_used_at < u.at
      order by k.id for update of k
    )
    update api_keys set last_used_at = used.at from used where api_keys.id = used.id`,
    [sorted.map(([id]) => id), sorted.map(([, at]) => at)],
  );
}
