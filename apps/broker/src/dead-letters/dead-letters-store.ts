import { rows, type SqlSource } from '@hookcast/database';

export interface DeadLetterFilter {
  subscriptionIds: readonly number[];
  topic: string | undefined;
  reason: string | undefined;
  from: Date | undefined;
  to: Date | undefined;
}

/** The sort key of a list: newest death first. */
export interface DeadLetterKey {
  deadAt: Date;
  streamId: number;
  subscriptionId: number;
  seq: number;
}

export interface DeadLetter extends DeadLetterKey {
  eventId: string;
  topic: string;
  type: string | null;
  reason: string;
  error: string | null;
  httpStatus: number | null;
  attempts: number;
  eventAt: Date;
}

interface DeadLetterRow {
  stream_id: number;
  subscription_id: number;
  seq: string;
  dead_at: Date;
  reason: string;
  error: string | null;
  http_status: number | null;
  attempts: number;
  event_at: Date;
  event_id: string;
  topic: string;
  type: string | null;
}

/**
 * A page of dead letters, without payloads. Per subscription it walks dead_letters_of_subscription from the newest
 * end, so the cost is O(subscriptions × limit); a filter on topic or reason reads past what it leaves out. Workers
 * write dead_at in whole milliseconds, so a cursor holds it exactly.
 */
export async function listDeadLetters(
  source: SqlSource,
  filter: DeadLetterFilter,
  page: { after: DeadLetterKey | undefined; limit: number },
): Promise<DeadLetter[]> {
  const found = await rows<DeadLetterRow>(source, pageStatement, [
    filter.subscriptionIds,
    filter.topic,
    filter.reason,
    filter.from,
    filter.to,
    ...keyColumns(page.after),
    page.limit,
  ]);
  return found.map(toDeadLetter);
}

const pageStatement = /* sql */ `
  select d.*
  from unnest($1::int[]) as s(subscription_id)
  cross join lateral (
    select one.stream_id, one.subscription_id, one.seq, one.dead_at, one.reason, one.error, one.http_status,
           one.attempts, one.event_at, one.event_id, one.topic, one.type
    from dead_letters one
    where one.subscription_id = s.subscription_id
      and ($2::text is null or one.topic = $2)
      and ($3::text is null or one.reason = $3)
      and ($4::timestamptz is null or one.dead_at >= $4)
      and ($5::timestamptz is null or one.dead_at < $5)
      and ($6::timestamptz is null
           or (one.dead_at, one.stream_id, one.subscription_id, one.seq) < ($6, $7::int, $8::int, $9::int8))
    order by one.dead_at desc, one.stream_id desc, one.seq desc limit $10
  ) d
  order by d.dead_at desc, d.stream_id desc, d.subscription_id desc, d.seq desc limit $10`;

function keyColumns(after: DeadLetterKey | undefined): unknown[] {
  return [after?.deadAt, after?.streamId, after?.subscriptionId, after?.seq];
}

function toDeadLetter(row: DeadLetterRow): DeadLetter {
  return {
    streamId: row.stream_id,
    subscriptionId: row.subscription_id,
    seq: Number(row.seq),
    deadAt: row.dead_at,
    reason: row.reason,
    error: row.error,
    httpStatus: row.http_status,
    attempts: row.attempts,
    eventAt: row.event_at,
    eventId: row.event_id,
    topic: row.topic,
    type: row.type,
  };
}
