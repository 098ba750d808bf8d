export { Appender, type AppenderOptions } from './appender.js';
export {
  backlogs,
  createCursors,
  deleteCursors,
  markBacklog,
  type Backlog,
  type CursorStart,
} from './cursors-store.js';
export { type PartitionCounts } from './day-clearing.js';
export { DayPartitions, ensureDays, type DayPartitionsOptions } from './day-partitions.js';
export { InvalidEventError, findDefects, type EventDefect } from './event-check.js';
export { LogReader, type EventKey, type Head, type ReadLimit } from './event-log.js';
export { defaultSource, type EventAttributes, type NewEvent, type StoredEvent } from './event.js';
export { type AppendedEvent } from './flush-plan.js';
export { type AppendResult } from './flusher.js';
export { HeadWatch, type HeadWatchOptions } from './head-watch.js';
export { type LogLine } from './log-line.js';
export { partitionOf } from './partition.js';
export { formatPosition, parsePosition, type Position } from './position.js';
export { inTransaction } from './partitions-store.js';
export { findPlaces, type Place } from './position-store.js';
export { UnknownStreamError, type StreamRef, type TopicRef } from './stream.js';
export { type RetentionPolicy } from './retention-policy.js';
export { listExpirations, type Expiration } from './retention-store.js';
export { createStreams, deleteStreams, loadStreams, topicStats, type StreamStats } from './streams-store.js';
export { TailListener, type TailListenerOptions } from './tail-listener.js';
export { TailNotifier, type TailNotifierOptions } from './tail-notifier.js';
export { formatTopicCursor, mergeByTime, parseTopicCursor, type TopicCursor, type TopicPage } from './topic-cursor.js';
export { TopicLog, type TopicStart } from './topic-log.js';
