import { rows, type SqlSource } from '@hookcast/database';

/** One delivery: an event, by its place in the log, for one subscription. */
export interface DeliveryKey {
  subscriptionId: number;
  streamId: number;
  seq: number;
}

interface FactsRow {
  subscription_id: number;
  stream_id: number;
  seq: string;
  topic: string | null;
  event_id: string | null;
  event_at: Date | null;
  settled: boolean | null;
  retry_kind: number | null;
  retry_attempts: number | null;
  next_at: Date | null;
  retry_error: string | null;
  dead_reason: string | null;
  dead_at: Date | null;
  dead_error: string | null;
  dead_attempts: number | null;
  attempt_no: number | null;
  outcome: number | null;
  http_status: number | null;
  duration_ms: number | null;
  attempt_error: string | null;
  attempt_at: Date | null;
}

export interface LastAttempt {
  attempt: number;
  outcome: number;
  httpStatus: number | null;
  durationMs: number;
  error: string | null;
  at: Date;
}

/** Everything the data plane knows of one delivery. */
export interface DeliveryFacts extends DeliveryKey {
  topic: string | undefined;
  eventId: string | undefined;
  eventAt: Date | undefined;
  /** Undefined: the subscription has no cursor on this stream. */
  settled: boolean | undefined;
  retry: { kind: number; attempts: number; nextAt: Date; error: string | null } | undefined;
  dead: { reason: string; at: Date; error: string | null; attempts: number } | undefined;
  lastAttempt: LastAttempt | undefined;
}

/**
 * Facts of the given deliveries. Every join is by the whole primary key or its leading part (streams_pk, cursors_pk,
 * retries_pk, dead_letters_pk, attempts_pk, events_pk), so the cost is per delivery asked for.
 */
export async function deliveryFacts(source: SqlSource, keys: readonly DeliveryKey[]): Promise<DeliveryFacts[]> {
  const found = await rows<FactsRow>(source, factsStatement, [
    keys.map(({ subscriptionId }) => subscriptionId),
    keys.map(({ streamId }) => streamId),
    keys.map(({ seq }) => seq),
  ]);
  return found.map(toFacts);
}

const factsStatement = /* sql */ `
  select k.subscription_id, k.stream_id, k.seq, t.name as topic, coalesce(e.event_id, d.event_id) as event_id,
         coalesce(e.created_at, d.event_at, r.event_at) as event_at,
         c.settled_seq >= k.seq or c.above @> k.seq as settled,
         r.kind as retry_kind, r.attempt_no as retry_attempts, r.next_at, r.last_error as retry_error,
         d.reason as dead_reason, d.dead_at, d.error as dead_error, d.attempts as dead_attempts,
         a.attempt_no, a.outcome, a.http_status, a.duration_ms, a.error as attempt_error, a.created_at as attempt_at
  from unnest($1::int[], $2::int[], $3::int8[]) with ordinality as k(subscription_id, stream_id, seq, place)
  left join streams s on s.stream_id = k.stream_id
  left join topics t on t.id = s.topic_id
  left join cursors c on c.stream_id = k.stream_id and c.subscription_id = k.subscription_id
  left join retries r on r.stream_id = k.stream_id and r.subscription_id = k.subscription_id and r.seq = k.seq
  left join dead_letters d on d.stream_id = k.stream_id and d.subscription_id = k.subscription_id and d.seq = k.seq
  left join lateral (
    select * from attempts one
    where one.stream_id = k.stream_id and one.subscription_id = k.subscription_id and one.seq = k.seq
    order by one.attempt_no desc, one.created_at desc limit 1
  ) a on true
  left join lateral (
    select one.event_id, one.created_at from events one where one.stream_id = k.stream_id and one.seq = k.seq limit 1
  ) e on true
  order by k.place`;

function toFacts(row: FactsRow): DeliveryFacts {
  return {
    subscriptionId: row.subscription_id,
    streamId: row.stream_id,
    seq: Number(row.seq),
    topic: row.topic ?? undefined,
    eventId: row.event_id ?? undefined,
    eventAt: row.event_at ?? undefined,
    settled: row.settled ?? undefined,
    retry: retryOf(row),
    dead: deadOf(row),
    lastAttempt: attemptOf(row),
  };
}

function retryOf({ retry_kind, retry_attempts, next_at, retry_error }: FactsRow): DeliveryFacts['retry'] {
  if (retry_kind === null || next_at === null) return undefined;
  return { kind: retry_kind, attempts: retry_attempts ?? 0, nextAt: next_at, error: retry_error };
}

function deadOf({ dead_reason, dead_at, dead_error, dead_attempts }: FactsRow): DeliveryFacts['dead'] {
  if (dead_reason === null || dead_at === null) return undefined;
  return { reason: dead_reason, at: dead_at, error: dead_error, attempts: dead_attempts ?? 0 };
}

function attemptOf(row: FactsRow): LastAttempt | undefined {
  if (row.attempt_no === null || row.outcome === null || row.attempt_at === null) return undefined;
  return {
    attempt: row.attempt_no,
    outcome: row.outcome,
    httpStatus: row.http_status,
    durationMs: row.duration_ms ?? 0,
    error: row.attempt_error,
    at: row.attempt_at,
  };
}

interface AttemptRow {
  attempt_no: number;
  outcome: number;
  http_status: number | null;
  duration_ms: number;
  created_at: Date;
  error: string | null;
  response: Buffer | null;
}

export interface Attempt extends LastAttempt {
  response: Buffer | null;
}

/** All attempts of one delivery, oldest first. Served by attempts_pk. */
export async function attemptsOf(source: SqlSource, key: DeliveryKey): Promise<Attempt[]> {
  const found = await rows<AttemptRow>(
    source,
    /* sql */ `
      select attempt_no, outcome, http_status, duration_ms, created_at, error, response
      from attempts where stream_id = $1 and subscription_id = $2 and seq = $3
      order by created_at, attempt_no limit 200`,
    [key.streamId, key.subscriptionId, key.seq],
  );
  return found.map((row) => ({
    attempt: row.attempt_no,
    outcome: row.outcome,
    httpStatus: row.http_status,
    durationMs: row.duration_ms,
    error: row.error,
    at: row.created_at,
    response: row.response,
  }));
}

/** Where a dead letter that outlived its event stands. Served by dead_letters_of_subscription. */
export async function findDeadLetter(
  source: SqlSource,
  subscriptionId: number,
  eventId: string,
): Promise<DeliveryKey | undefined> {
  const [found] = await rows<{ stream_id: number; seq: string }>(
    source,
    /* sql */ `select stream_id, seq from dead_letters where subscription_id = $1 and event_id = $2 limit 1`,
    [subscriptionId, eventId],
  );
  return found && { subscriptionId, streamId: found.stream_id, seq: Number(found.seq) };
}
