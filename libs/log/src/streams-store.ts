import { rows, type SqlSource } from '@hookcast/database';
import { lockInOrder } from './cursors-store.js';
import type { Head } from './event-log.js';
import type { StreamRef } from './stream.js';

export interface StreamStats extends Head {
  streamId: number;
  partition: number;
}

interface StreamRow {
  stream_id: number;
  topic_id: number;
  topic: string;
  partition_no: number;
}

/**
 * Adds the partitions `from` to `to - 1` of a topic and an assignment for each, which no worker owns yet. In the
 * transaction that creates or enlarges the topic, behind `bumpControlVersion`.
 */
export async function createStreams(
  transaction: SqlSource,
  topicId: number,
  { from, to }: { from: number; to: number },
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    with made as (
      insert into streams (topic_id, partition_no)
      select $1, partition_no from generate_series($2::int, $3::int - 1) partition_no
      returning stream_id
    )
    insert into assignments (stream_id) select stream_id from made`,
    [topicId, from, to],
  );
}

/**
 * Removes a topic's streams and all that hangs on them; events go with their days. Streams go first and in order: an
 * append that waits for one finds it gone, and none that holds one waits for this in a circle.
 */
export async function deleteStreams(transaction: SqlSource, topicId: number): Promise<void> {
  const locked = await rows<{ stream_id: number }>(
    transaction,
    /* sql */ `select stream_id from streams where topic_id = $1 order by stream_id for update`,
    [topicId],
  );
  const streamIds = locked.map(({ stream_id: streamId }) => streamId);
  await lockInOrder(transaction, { streamIds });
  // First and by itself: it waits for settles that are under way, and only a later statement sees what they wrote.
  await rows(transaction, /* sql */ `delete from cursors where stream_id = any($1::int[])`, [streamIds]);
  await rows(
    transaction,
    /* sql */ `
    with gone_streams as (delete from streams where stream_id = any($1::int[])),
      gone_assignments as (delete from assignments where stream_id = any($1::int[])),
      gone_skips as (delete from cursor_skips where stream_id = any($1::int[])),
      gone_retries as (delete from retries where stream_id = any($1::int[])),
      gone_expirations as (delete from expirations where stream_id = any($1::int[]))
    delete from dead_letters where stream_id = any($1::int[])`,
    [streamIds],
  );
}

/** Every stream there is, or those of some topics, by topic and partition. Scans streams, which is small. */
export async function loadStreams(source: SqlSource, topicIds?: readonly number[]): Promise<StreamRef[]> {
  const found = await rows<StreamRow>(
    source,
    /* sql */ `
    select s.stream_id, s.topic_id, t.name as topic, s.partition_no
    from streams s join topics t on t.id = s.topic_id
    ${topicIds === undefined ? '' : 'where t.id = any($1::int[])'}
    order by s.topic_id, s.partition_no`,
    topicIds === undefined ? [] : [topicIds],
  );
  return found.map((row) => ({
    streamId: row.stream_id,
    topicId: row.topic_id,
    topic: row.topic,
    partition: row.partition_no,
  }));
}

/** Where each partition of a topic ends. Scans streams, which is small. */
export async function topicStats(source: SqlSource, topicId: number): Promise<StreamStats[]> {
  const found = await rows<{ stream_id: number; partition_no: number; head_seq: string; at: Date }>(
    source,
    /* sql */ `
    select stream_id, partition_no, head_seq, greatest(head_at, 'epoch') as at
    from streams where topic_id = $1 order by partition_no`,
    [topicId],
  );
  return found.map((row) => ({
    streamId: row.stream_id,
    partition: row.partition_no,
    seq: Number(row.head_seq),
    at: row.at,
  }));
}
