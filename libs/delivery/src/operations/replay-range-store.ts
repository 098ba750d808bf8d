import { rows, type SqlSource } from '@hookcast/database';
import type { StreamRef } from '@hookcast/log';

/** A stream that a subscription reads, and how far it reaches. */
export interface ReplayableStream extends StreamRef {
  head: number;
}

/** The streams of a subscription's cursors. Looks at all cursors, which are few for each stream. */
export async function replayableStreams(source: SqlSource, subscriptionId: number): Promise<ReplayableStream[]> {
  const found = await rows<{
    stream_id: number;
    topic_id: number;
    topic: string;
    partition_no: number;
    head_seq: string;
  }>(
    source,
    /* sql */ `
    select s.stream_id, s.topic_id, t.name as topic, s.partition_no, s.head_seq
      from cursors c join streams s using (stream_id) join topics t on t.id = s.topic_id
     where c.subscription_id = $1 order by s.stream_id`,
    [subscriptionId],
  );
  return found.map((row) => ({
    streamId: row.stream_id,
    topicId: row.topic_id,
    topic: row.topic,
    partition: row.partition_no,
    head: Number(row.head_seq),
  }));
}
