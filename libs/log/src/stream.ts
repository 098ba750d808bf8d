/** One partition of a topic's log. */
export interface StreamRef {
  streamId: number;
  topicId: number;
  /** The topic's name. */
  topic: string;
  /** 0 to the topic's number of partitions - 1. */
  partition: number;
}

/** What publishing to and reading from a topic needs to know of it. */
export interface TopicRef {
  topicId: number;
  name: string;
  retentionDays: number;
  /** Ordered by partition. */
  streams: StreamRef[];
}

/** A stream that was known is not there any more: its topic was deleted meanwhile. */
export class UnknownStreamError extends Error {
  override name = 'UnknownStreamError';

  constructor({ partition, topic }: StreamRef) {
    super(`Stream ${partition} of topic "${topic}" does not exist`);
  }
}
