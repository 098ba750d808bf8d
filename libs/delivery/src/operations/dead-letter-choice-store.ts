import { rows, type SqlSource } from '@hookcast/database';
import type { StoredEvent } from '@hookcast/log';
import { buriedEvent, type BuriedColumns } from '../retries/retry-store.js';
import type { DeadLetterFilter, DeadLetterKey } from './operation.js';

/** A dead letter that an operation is about to work on. */
export interface ChosenDeadLetter {
  streamId: number;
  seq: number;
  deadAt: Date;
  event: StoredEvent;
}

interface ChosenColumns extends BuriedColumns {
  dead_at: Date;
}

/** Placeholders $2 to $7 of every statement here: what a filter says besides its expression. */
const passes = /* sql */ `
  ($2::text is null or d.reason = $2) and ($3::text is null or d.fingerprint = $3) and ($4::text is null or d.topic = $4)
  and ($5::timestamptz is null or d.dead_at >= $5) and ($6::timestamptz is null or d.dead_at < $6) and d.dead_at <= $7`;

const values = (subscriptionId: number, filter: DeadLetterFilter, until: string): unknown[] => [
  subscriptionId,
  filter.reason ?? null,
  filter.fingerprint ?? null,
  filter.topic ?? null,
  filter.from ?? null,
  filter.to ?? null,
  until,
];

/** When the youngest dead letter of a subscription was given up. Index: dead_letters_of_subscription. */
export async function youngestDeadLetter(source: SqlSource, subscriptionId: number): Promise<Date | undefined> {
  const [row] = await rows<{ dead_at: Date }>(
    source,
    /* sql */ `select dead_at from dead_letters where subscription_id = $1 order by dead_at desc limit 1`,
    [subscriptionId],
  );
  return row?.dead_at;
}

/** How many pass, counted up to `most`. Index: dead_letters_of_subscription or dead_letters_by_fingerprint. */
export async function countDeadLetters(
  source: SqlSource,
  subscriptionId: number,
  { filter, until, most }: { filter: DeadLetterFilter; until: string; most: number },
): Promise<number> {
  const [row] = await rows<{ found: number }>(
    source,
    /* sql */ `
    select count(*)::int as found from (
      select 1 from dead_letters d where d.subscription_id = $1 and ${passes} limit $8) d`,
    [...values(subscriptionId, filter, until), most],
  );
  return row?.found ?? 0;
}

/** The next ones that pass, the first given up first. Index: dead_letters_of_subscription. */
export async function nextDeadLetters(
  source: SqlSource,
  subscriptionId: number,
  query: {
    filter: DeadLetterFilter;
    until: string;
    last: { at: string; streamId: number; seq: number } | null;
    limit: number;
  },
): Promise<ChosenDeadLetter[]> {
  const { filter, until, last, limit } = query;
  const found = await rows<ChosenColumns>(
    source,
    /* sql */ `
    select d.* from dead_letters d
     where d.subscription_id = $1 and ${passes}
       and ($8::timestamptz is null or (d.dead_at, d.seq, d.stream_id) > ($8, $9::int8, $10::int))
     order by d.dead_at, d.seq, d.stream_id limit $11`,
    [...values(subscriptionId, filter, until), last?.at ?? null, last?.seq ?? 0, last?.streamId ?? 0, limit],
  );
  return found.map(toChosen);
}

/** Those of the keys that are dead letters. Index: primary key. */
export async function deadLettersAt(
  source: SqlSource,
  subscriptionId: number,
  keys: readonly DeadLetterKey[],
  { withData }: { withData: boolean },
): Promise<ChosenDeadLetter[]> {
  const found = await rows<ChosenColumns>(
    source,
    /* sql */ `
    select d.stream_id, d.subscription_id, d.seq, d.dead_at, d.event_at, d.event_id, d.topic, d.type, d.source, d.subject,
           d.key, d.content_type, d.attributes, case when $4::boolean then d.data end as data
      from unnest($2::int[], $3::int8[]) as k(stream_id, seq)
      join dead_letters d using (stream_id, seq) where d.subscription_id = $1`,
    [subscriptionId, keys.map(([streamId]) => streamId), keys.map(([, seq]) => seq), withData],
  );
  return found.map(toChosen);
}

/** The dead letters of these events. Index: dead_letters_of_subscription, all of the subscription's. */
export async function deadLettersOfEvents(
  source: SqlSource,
  subscriptionId: number,
  eventIds: readonly string[],
): Promise<DeadLetterKey[]> {
  const found = await rows<{ stream_id: number; seq: string }>(
    source,
    /* sql */ `
    select stream_id, seq from dead_letters where subscription_id = $1 and event_id = any($2::text[])
     order by dead_at, seq, stream_id`,
    [subscriptionId, eventIds],
  );
  return found.map((row) => [row.stream_id, Number(row.seq)]);
}

function toChosen(row: ChosenColumns): ChosenDeadLetter {
  const event = buriedEvent(row);
  return { streamId: event.streamId, seq: event.seq, deadAt: row.dead_at, event };
}
