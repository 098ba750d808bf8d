import { rows, type SqlSource } from '@hookcast/database';

interface StreamFiguresRow {
  topic_id: number;
  stream_id: number;
  head_seq: string;
  head_at: Date | null;
  first_seq: string | null;
  mean_bytes: number | null;
}

export interface StreamFigures {
  topicId: number;
  streamId: number;
  headSeq: number;
  /** When the newest event was stored. */
  headAt: Date | undefined;
  /** Events that are still readable. */
  readable: number;
  /** Mean size of the newest events' data. */
  meanBytes: number;
}

/**
 * Per stream: its head, how many events are readable and how large the newest ones are. Both laterals walk events_pk
 * from one end of the stream, so the cost is per stream, not per event.
 */
export async function streamFigures(source: SqlSource, topicIds: readonly number[]): Promise<StreamFigures[]> {
  const found = await rows<StreamFiguresRow>(
    source,
    /* sql */ `
      select s.topic_id, s.stream_id, s.head_seq, oldest.seq as first_seq, newest.mean_bytes,
             case when s.head_seq > 0 then s.head_at end as head_at
      from streams s
      left join lateral (
        select e.seq from events e where e.stream_id = s.stream_id order by e.seq limit 1
      ) oldest on true
      left join lateral (
        select avg(octet_length(sample.data))::float8 as mean_bytes
        from (
          select e.data from events e where e.stream_id = s.stream_id and e.seq > s.head_seq - 20 order by e.seq desc limit 20
        ) sample
      ) newest on true
      where s.topic_id = any($1::int[])
      order by s.topic_id, s.partition_no`,
    [topicIds],
  );
  return found.map((row) => ({
    topicId: row.topic_id,
    streamId: row.stream_id,
    headSeq: Number(row.head_seq),
    headAt: row.head_at ?? undefined,
    readable: row.first_seq === null ? 0 : Number(row.head_seq) - Number(row.first_seq) + 1,
    meanBytes: row.mean_bytes ?? 0,
  }));
}

/** A subscription that one of its patterns may make a subscriber. */
export interface PossibleSubscriber {
  id: number;
  name: string;
  topics: string[];
}

/** Those of a namespace that name one of the topics or have a wildcard, by name. Scans the small table of subscriptions. */
export async function possibleSubscribers(
  source: SqlSource,
  namespace: string,
  topics: readonly string[],
): Promise<PossibleSubscriber[]> {
  return rows(
    source,
    /* sql */ `
      select id, name, topics from subscriptions
      where namespace = $1 and (topics && $2::text[] or array_to_string(topics, ' ') like '%*%')
      order by name`,
    [namespace, topics],
  );
}

interface HeadRow {
  stream_id: number;
  head_seq: string;
}

/** The head of every stream: one small row each. */
export async function allHeads(source: SqlSource): Promise<Map<number, number>> {
  const found = await rows<HeadRow>(source, /* sql */ `select stream_id, head_seq from streams`);
  return toHeads(found);
}

/** The heads of one namespace. Scans both tables, which are small. */
export async function headsOf(source: SqlSource, namespace: string): Promise<Map<number, number>> {
  const found = await rows<HeadRow>(
    source,
    /* sql */ `
      select s.stream_id, s.head_seq from streams s join topics t on t.id = s.topic_id where t.namespace = $1`,
    [namespace],
  );
  return toHeads(found);
}

function toHeads(found: readonly HeadRow[]): Map<number, number> {
  return new Map(found.map((row) => [row.stream_id, Number(row.head_seq)]));
}
