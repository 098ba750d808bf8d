import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { retryKind } from '../sending/lanes.js';

export interface StoredRetry {
  streamId: number;
  subscriptionId: number;
  seq: number;
  /** Unix milliseconds. */
  eventAt: number;
  attempts: number;
  kind: number;
  /** Unix milliseconds. */
  at: number;
  /** The operation it is repeated for, if any. */
  operationId: string | null;
  /** Its position was counted before. */
  isRepeat: boolean;
}

interface RetryColumns {
  stream_id: number;
  subscription_id: number;
  seq: string;
  event_at: Date;
  attempt_no: number;
  kind: number;
  next_at: Date;
  operation_id: string | null;
  is_repeat: boolean;
}

/** next_at of what shall be sent at once: earlier than any other, so that it is found wherever the scan has come to. */
export const atOnce = new Date(0);

const columns =
  'r.stream_id, r.subscription_id, r.seq, r.event_at, r.attempt_no, r.kind, r.next_at, r.operation_id, r.is_repeat';

/** The rows of deliveries that wait, as their stream's owner reads them. */
export class RetryStore {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Rows that fall due in (after, until], and those to be sent at once, except of subscriptions that find theirs by
   * {@link sweep}. Index: retries_due (stream_id, next_at).
   */
  async due(query: {
    streamIds: readonly number[];
    after: Date;
    until: Date;
    except: readonly number[];
    limit: number;
  }): Promise<StoredRetry[]> {
    const found = await this.pool.query<RetryColumns>({
      name: 'retries-due',
      text: /* sql */ `
        select ${columns} from retries r
         where r.stream_id = any($1::int[]) and r.next_at > $2 and r.next_at <= $3 and r.subscription_id <> all($4::int[])
        union all
        select ${columns} from retries r
         where r.stream_id = any($1::int[]) and r.next_at = $6 and r.subscription_id <> all($4::int[])
         limit $5`,
      values: [query.streamIds, query.after, query.until, query.except, query.limit, atOnce],
    });
    return found.rows.map(storedRetry);
  }

  /** Due rows of one subscription, in the order of positions, behind a place in each stream. Index: primary key. */
  async sweep(query: {
    subscriptionId: number;
    places: readonly { streamId: number; afterSeq: number }[];
    until: Date;
    limitPerStream: number;
  }): Promise<StoredRetry[]> {
    const found = await this.pool.query<RetryColumns>({
      name: 'retries-sweep',
      text: /* sql */ `
        select r.* from unnest($1::int[], $2::int8[]) as place(stream_id, after_seq)
         cross join lateral (
           select ${columns} from retries r
            where r.stream_id = place.stream_id and r.subscription_id = $3 and r.seq > place.after_seq and r.next_at <= $4
            order by r.seq limit $5) r`,
      values: [
        query.places.map(({ streamId }) => streamId),
        query.places.map(({ afterSeq }) => afterSeq),
        query.subscriptionId,
        query.until,
        query.limitPerStream,
      ],
    });
    return found.rows.map(storedRetry);
  }

  /** The rates of these operations, null for none, and which of them were cancelled or are gone. Index: primary key. */
  async operations(ids: readonly string[]): Promise<{ id: string; rate: number | null; isCancelled: boolean }[]> {
    const found = await this.pool.query<{ id: string; rate: number | null; is_cancelled: boolean }>({
      name: 'retries-operations',
      text: /* sql */ `
        select w.id, o.rate, (o.id is null or o.status = 'cancelled') as is_cancelled
          from unnest($1::uuid[]) as w(id) left join operations o using (id)`,
      values: [ids],
    });
    return found.rows.map(({ id, rate, is_cancelled: isCancelled }) => ({ id, rate, isCancelled }));
  }

  /**
   * Deliveries that will be tried again and that others of their key wait for, with the key of their event; without it
   * when the event has gone with its day. Index: primary keys.
   */
  async failing(
    cursors: readonly { streamId: number; subscriptionId: number }[],
  ): Promise<{ streamId: number; subscriptionId: number; seq: number; key: string | undefined }[]> {
    const found = await this.pool.query<{
      stream_id: number;
      subscription_id: number;
      seq: string;
      key: string | null;
    }>({
      name: 'retries-failing',
      text: /* sql */ `
        select r.stream_id, r.subscription_id, r.seq, e.key
          from unnest($1::int[], $2::int[]) as c(stream_id, subscription_id)
          join retries r using (stream_id, subscription_id)
          left join lateral (select key from events e
                              where e.stream_id = r.stream_id and e.seq = r.seq and e.created_at = r.event_at limit 1) e on true
         where r.kind = any($3::int[])`,
      values: [
        cursors.map(({ streamId }) => streamId),
        cursors.map(({ subscriptionId }) => subscriptionId),
        [retryKind.retry, retryKind.alone],
      ],
    });
    return found.rows.map((row) => ({
      streamId: row.stream_id,
      subscriptionId: row.subscription_id,
      seq: Number(row.seq),
      key: row.key ?? undefined,
    }));
  }

  /**
   * Events that only a dead letter still holds, because their day has gone from the log, and what has become of their
   * rows. Index: primary keys.
   */
  async buried(keys: readonly { streamId: number; subscriptionId: number; seq: number }[]): Promise<BuriedEvent[]> {
    const found = await this.pool.query<BuriedColumns & { kind: number | null }>({
      name: 'retries-buried-events',
      text: /* sql */ `
        select d.stream_id, d.subscription_id, d.seq, d.event_at, d.event_id, d.topic, d.type, d.source, d.subject, d.key,
               d.content_type, d.attributes, d.data, r.kind
          from unnest($1::int[], $2::int[], $3::int8[]) as k(stream_id, subscription_id, seq)
          join dead_letters d using (stream_id, subscription_id, seq)
          left join retries r using (stream_id, subscription_id, seq)`,
      values: [
        keys.map(({ streamId }) => streamId),
        keys.map(({ subscriptionId }) => subscriptionId),
        keys.map(({ seq }) => seq),
      ],
    });
    return found.rows.map((row) => ({
      subscriptionId: row.subscription_id,
      event: buriedEvent(row),
      kind: row.kind ?? undefined,
    }));
  }
}

/**
 * Drops rows that nobody will send: no cursor stands behind them (deletions take theirs along; brokers before them left
 * some behind), or their operation was cancelled while they were kept in memory, for an endpoint that was down, and they
 * came back when nobody looked for them any more. Scans retries.
 */
export async function dropOrphanedRetries(pool: pg.Pool): Promise<number> {
  const dropped = await pool.query(/* sql */ `
    delete from retries r
     where not exists (select 1 from cursors c where c.stream_id = r.stream_id and c.subscription_id = r.subscription_id)
        or r.operation_id is not null
           and not exists (select 1 from operations o where o.id = r.operation_id and o.status <> 'cancelled')`);
  return dropped.rowCount ?? 0;
}

export interface BuriedEvent {
  subscriptionId: number;
  event: StoredEvent;
  /** Of its row in retries now; undefined when that is gone. */
  kind: number | undefined;
}

export interface BuriedColumns {
  stream_id: number;
  subscription_id: number;
  seq: string;
  event_at: Date;
  event_id: string;
  topic: string;
  type: string | null;
  source: string | null;
  subject: string | null;
  key: string | null;
  content_type: string | null;
  attributes: string | null;
  data: Buffer | null;
}

/** The event as it was when its delivery was given up. */
export function buriedEvent(row: BuriedColumns): StoredEvent {
  return {
    streamId: row.stream_id,
    seq: Number(row.seq),
    createdAt: row.event_at,
    id: row.event_id,
    topic: row.topic,
    type: row.type ?? row.topic,
    source: row.source ?? `/topics/${row.topic}`,
    attributes: row.attributes === null ? {} : parseAttributes(row.attributes),
    data: row.data ?? undefined,
    ...(row.subject === null ? {} : { subject: row.subject }),
    ...(row.key === null ? {} : { key: row.key }),
    ...(row.content_type === null ? {} : { contentType: row.content_type }),
  };
}

/** What settle-store.ts wrote. */
function parseAttributes(text: string): StoredEvent['attributes'] {
  const attributes: StoredEvent['attributes'] = JSON.parse(text);
  return attributes;
}

function storedRetry(row: RetryColumns): StoredRetry {
  return {
    streamId: row.stream_id,
    subscriptionId: row.subscription_id,
    seq: Number(row.seq),
    eventAt: row.event_at.getTime(),
    attempts: row.attempt_no,
    kind: row.kind,
    at: row.next_at.getTime(),
    operationId: row.operation_id,
    isRepeat: row.is_repeat,
  };
}
