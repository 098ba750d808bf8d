import pg from 'pg';
import { fromColumns, type StoredEvent } from './event.js';
import { findPlaces } from './reading/position-store.js';
import { UnknownStreamError, type StreamRef } from './stream.js';

/** Where a stream ends. */
export interface Head {
  /** Of the last event; 0 while there is none. */
  seq: number;
  /** When it was stored; 1970 while there is none. */
  at: Date;
}

export interface ReadLimit {
  events: number;
  /** Bytes of data; the first event comes whatever its size. @default 16 MiB */
  bytes?: number;
}

/** What names an event in its table: the primary key. */
export interface EventKey {
  streamId: number;
  seq: number;
  createdAt: Date;
}

const defaultReadBytes = 16 * 1024 * 1024;

type EventRow = [
  seq: string,
  createdAt: Date,
  id: string,
  type: string | null,
  source: string | null,
  subject: string | null,
  key: string | null,
  contentType: string | null,
  attributes: string | null,
  deliverAt: Date | null,
  expiresAt: Date | null,
  data: string | null,
];
type PlacedRow = [...EventRow, streamId: number, topicId: number, topic: string, partition: number];

/** bytea would come as hex, which is half as much again on the way and slower to decode. */
const columns = /* sql */ `e.seq, e.created_at, e.event_id, e.type, e.source, e.subject, e.key, e.content_type,
  e.attributes, e.deliver_at, e.expires_at, encode(e.data, 'base64')`;
const placedColumns = /* sql */ `${columns}, s.stream_id, t.id, t.name, s.partition_no`;

/** Reads the log. Whoever has seen an event has seen, or can read, everything before it in its stream. */
export class LogReader {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * The events behind a position, in order. Index: events_pk of each day. With `after.at` (createdAt of the event at
   * `after.seq`, or anything earlier) the days before it are not looked at.
   */
  async read(
    stream: StreamRef,
    after: { seq: number; at?: Date },
    { events, bytes = defaultReadBytes }: ReadLimit,
  ): Promise<StoredEvent[]> {
    const text = /* sql */ `
      select ${columns}
      from (
        select e.*, sum(octet_length(data)) over (order by seq rows unbounded preceding) - octet_length(data) as before
        from (
          select * from events where stream_id = $1 and seq > $2 and created_at >= $3 order by seq limit $4
        ) e
      ) e
      where before is null or before < $5
      order by seq`;
    const values = [stream.streamId, after.seq, after.at?.toISOString() ?? '-infinity', events, bytes];
    const found = await this.pool.query<EventRow>({ ...named('read', text, values), rowMode: 'array' });
    return found.rows.map((row) => toEvent(row, stream));
  }

  /** Streams that do not exist are left out. Index: streams_pk. */
  async heads(streamIds: readonly number[]): Promise<Map<number, Head>> {
    const text = /* sql */ `
      select stream_id, head_seq, greatest(head_at, 'epoch') from streams where stream_id = any($1::int[])`;
    const found = await this.pool.query<[number, string, Date]>({
      ...named('heads', text, [streamIds]),
      rowMode: 'array',
    });
    return new Map(found.rows.map(([streamId, seq, at]) => [streamId, { seq: Number(seq), at }]));
  }

  /** The seq before the first event at or after the time; the head's when there is none. */
  async positionAt(stream: StreamRef, at: Date): Promise<number> {
    return this.placeOf(stream, at);
  }

  /** The seq before the oldest event that is still there; the head's when there is none. */
  async earliest(stream: StreamRef): Promise<number> {
    return this.placeOf(stream);
  }

  /** Every event of this id in a namespace, youngest first: one for each stream and pair of days. Index: the unique one of each day. */
  async find(eventId: string, namespace: string): Promise<StoredEvent[]> {
    const text = /* sql */ `
      select ${placedColumns}
      from events e join streams s on s.stream_id = e.stream_id join topics t on t.id = s.topic_id
      where e.event_id = $1 and t.namespace = $2
      order by e.created_at desc, e.stream_id`;
    const found = await this.pool.query<PlacedRow>({ ...named('find', text, [eventId, namespace]), rowMode: 'array' });
    return found.rows.map(toPlacedEvent);
  }

  /** These events, as far as they still exist, in no particular order. Index: events_pk of the day of each. */
  async readAt(keys: readonly EventKey[]): Promise<StoredEvent[]> {
    const text = /* sql */ `
      select ${placedColumns}
      from unnest($1::int[], $2::bigint[], $3::timestamptz[]) as k (stream_id, seq, created_at)
      cross join lateral (
        select * from events
        where stream_id = k.stream_id and seq = k.seq and created_at = k.created_at
        limit 1
      ) e
      join streams s on s.stream_id = e.stream_id
      join topics t on t.id = s.topic_id`;
    const values = [
      keys.map(({ streamId }) => streamId),
      keys.map(({ seq }) => seq),
      keys.map(({ createdAt }) => createdAt.toISOString()),
    ];
    const found = await this.pool.query<PlacedRow>({ ...named('read_at', text, values), rowMode: 'array' });
    return found.rows.map(toPlacedEvent);
  }

  private async placeOf(stream: StreamRef, at?: Date): Promise<number> {
    const place = (await findPlaces(this.pool, [stream.streamId], at)).get(stream.streamId);
    if (!place) throw new UnknownStreamError(stream);
    return place.seq;
  }
}

/** Prepared once for each connection. */
function named(name: string, text: string, values: unknown[]) {
  return { name: `log_${name}`, text, values, types };
}

function toEvent(row: EventRow | PlacedRow, stream: StreamRef): StoredEvent {
  const [seq, at, id, type, source, subject, key, contentType, attributes, deliverAt, expiresAt, encoded] = row;
  const data = encoded === null ? null : Buffer.from(encoded, 'base64');
  return fromColumns(
    { id, type, source, subject, key, contentType, attributes, deliverAt, expiresAt, data },
    { stream, seq: Number(seq), at },
  );
}

function toPlacedEvent(row: PlacedRow): StoredEvent {
  return toEvent(row, { streamId: row[12], topicId: row[13], topic: row[14], partition: row[15] });
}

const { getTypeParser, builtins } = pg.types;
const parseTime: (text: string) => Date = getTypeParser(builtins.TIMESTAMPTZ);
let lastText = '';
let lastTime = new Date(0);

/** The events of a flush share their time, so most texts were just parsed: a fifth of the cost of reading. */
function parseTimeOnce(text: string): Date {
  if (text !== lastText) {
    lastTime = parseTime(text);
    lastText = text;
  }
  return lastTime;
}

const types: pg.CustomTypesConfig = {
  getTypeParser: (...of: Parameters<typeof getTypeParser>): unknown =>
    of[0] === builtins.TIMESTAMPTZ ? parseTimeOnce : getTypeParser(...of),
};
