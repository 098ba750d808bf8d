import { rows, type SqlSource } from '@hookcast/database';

/** A request as it is remembered. */
export interface RequestKey {
  namespace: string;
  /** SHA-256 of the caller and the Idempotency-Key. */
  request: Buffer;
}

export interface BegunRequest extends RequestKey {
  /** SHA-256 of what is asked for. */
  asked: Buffer;
  begunAt: Date;
}

export interface RememberedRequest {
  asked: Buffer;
  /** JSON; null while the request is being answered. */
  answer: string | null;
}

/**
 * Whether the request is this caller's to answer: it is the first of its key, or the same one was begun before
 * `abandonedBefore` and never answered.
 */
export async function claimRequest(source: SqlSource, begun: BegunRequest, abandonedBefore: Date): Promise<boolean> {
  const { namespace, request, asked, begunAt } = begun;
  const claimed = await rows(
    source,
    /* sql */ `
      insert into answered_requests as known (namespace, request, asked, begun_at) values ($1, $2, $3, $4)
      on conflict (namespace, request) do update set begun_at = excluded.begun_at
        where known.answer is null and known.asked = excluded.asked and known.begun_at < $5
      returning begun_at`,
    [namespace, request, asked, begunAt, abandonedBefore],
  );
  return claimed.length === 1;
}

/** By primary key. */
export async function findRequest(source: SqlSource, key: RequestKey): Promise<RememberedRequest | undefined> {
  const [found] = await rows<RememberedRequest>(
    source,
    /* sql */ `select asked, answer from answered_requests where namespace = $1 and request = $2`,
    [key.namespace, key.request],
  );
  return found;
}

/** Unless somebody else took the request over meanwhile. */
export async function keepAnswer(source: SqlSource, begun: BegunRequest, answer: string): Promise<void> {
  await rows(
    source,
    /* sql */ `
      update answered_requests set answer = $4 where namespace = $1 and request = $2 and begun_at = $3
      returning request`,
    [begun.namespace, begun.request, begun.begunAt, answer],
  );
}

/** Of a request that failed: it may be sent again. */
export async function forgetRequest(source: SqlSource, begun: BegunRequest): Promise<void> {
  await rows(
    source,
    /* sql */ `delete from answered_requests where namespace = $1 and request = $2 and begun_at = $3 and answer is null`,
    [begun.namespace, begun.request, begun.begunAt],
  );
}

/** Of every namespace. The table is small: requests by hand of the last day. */
export async function deleteRequestsBefore(source: SqlSource, time: Date): Promise<void> {
  await rows(source, /* sql */ `delete from answered_requests where begun_at < $1`, [time]);
}
