import { rows } from '@hookcast/database';
import type pg from 'pg';

/** A delivery of a source, as it is remembered. */
export interface SeenKey {
  sourceId: number;
  /** 32 hexadecimal digits. */
  hash: string;
}

/**
 * One probe of source_seen_pk for each key: the lateral limit keeps the planner, who knows nothing of the list's length,
 * from reading the whole table instead.
 */
export const knownKeysStatement = /* sql */ `
  select (k.place - 1)::int as place
  from unnest($1::int[], $2::text[]) with ordinality as k (source_id, hash, place)
  cross join lateral (
    select from source_seen s where s.source_id = k.source_id and s.key_hash = decode(k.hash, 'hex') limit 1
  ) seen`;

/** Which of the keys are known, as indexes into the list. */
export async function knownKeys(pool: pg.Pool, keys: readonly SeenKey[]): Promise<Set<number>> {
  const result = await pool.query<{ place: number }>({
    name: 'source-seen-known',
    text: knownKeysStatement,
    values: [keys.map(({ sourceId }) => sourceId), keys.map(({ hash }) => hash)],
  });
  return new Set(result.rows.map(({ place }) => place));
}

/**
 * Two processes may remember the same key: the first one wins. Sorted, so that they cannot wait for each other in a ring.
 * The commit does not wait for the disk: a crash may cost the last moment's keys, whose events the log still recognises.
 */
export async function rememberKeys(pool: pg.Pool, keys: readonly SeenKey[], now: Date): Promise<void> {
  await pool.query({
    name: 'source-seen-remember',
    text: /* sql */ `
      insert into source_seen (source_id, key_hash, seen_on)
      select k.source_id, decode(k.hash, 'hex'), ($3::timestamptz at time zone 'UTC')::date
      from set_config('synchronous_commit', 'off', true), unnest($1::int[], $2::text[]) as k (source_id, hash)
      order by k.source_id, k.hash
      on conflict do nothing`,
    values: [keys.map(({ sourceId }) => sourceId), keys.map(({ hash }) => hash), now.toISOString()],
  });
}

/**
 * Forgets what one source saw before a day, a slice at a time so that no statement holds many locks.
 * source_seen_by_day leaves the blocks that are too young unread.
 */
export async function forgetKeys(pool: pg.Pool, source: { id: number; before: Date }, limit: number): Promise<number> {
  const gone = await rows<{ gone: string }>(
    pool,
    /* sql */ `
      with old as (
        select ctid from source_seen
        where source_id = $1 and seen_on < ($2::timestamptz at time zone 'UTC')::date limit $3
      ), removed as (
        delete from source_seen s using old where s.ctid = old.ctid returning 1
      )
      select count(*) as gone from removed`,
    [source.id, source.before.toISOString(), limit],
  );
  return Number(gone[0]?.gone ?? 0);
}

/** Forgets what deleted sources saw. Ids are not used again, so nothing waits for this. */
export async function forgetOrphans(pool: pg.Pool, limit: number): Promise<number> {
  const gone = await rows<{ gone: string }>(
    pool,
    /* sql */ `
      with old as (
        select ctid from source_seen s where not exists (select from sources where id = s.source_id) limit $1
      ), removed as (
        delete from source_seen s using old where s.ctid = old.ctid returning 1
      )
      select count(*) as gone from removed`,
    [limit],
  );
  return Number(gone[0]?.gone ?? 0);
}
