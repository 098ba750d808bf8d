import { rows, type SchemaMode, type SqlSource } from '@hookcast/database';
import type { TopicRef } from '@hookcast/log';

/** What a topic is found by: two namespaces may each have one of the same name. */
export interface TopicName {
  namespace: string;
  name: string;
}

/** A topic as publishing and reading need it. */
export interface StoredTopic {
  ref: TopicRef;
  schema: Record<string, unknown> | null;
  schemaMode: SchemaMode;
}

interface TopicStreamRow {
  topic_id: number;
  retention_days: number | null;
  stream_id: number;
  partition_no: number;
  schema: Record<string, unknown> | null;
  schema_mode: SchemaMode;
}

/** A topic with its streams in partition order. Served by topics_namespace_name_unique and a scan of the small streams table. */
export async function findTopic(
  source: SqlSource,
  topic: TopicName,
  defaultRetentionDays: number,
): Promise<StoredTopic | undefined> {
  const found = await rows<TopicStreamRow>(
    source,
    /* sql */ `
      select t.id as topic_id, t.retention_days, t.schema, t.schema_mode, s.stream_id, s.partition_no
      from topics t join streams s on s.topic_id = t.id
      where t.namespace = $1 and t.name = $2
      order by s.partition_no`,
    [topic.namespace, topic.name],
  );
  const [first] = found;
  if (!first) return undefined;
  const ref = {
    topicId: first.topic_id,
    name: topic.name,
    retentionDays: first.retention_days ?? defaultRetentionDays,
    streams: found.map((row) => ({
      streamId: row.stream_id,
      topicId: row.topic_id,
      topic: topic.name,
      partition: row.partition_no,
    })),
  };
  return { ref, schema: first.schema, schemaMode: first.schema_mode };
}
