export { Appender, type AppenderOptions } from './append/appender.js';
export {
  backlogs,
  createCursors,
  createCursorsOf,
  deleteCursors,
  markBacklog,
  type Backlog,
  type CursorStart,
} from './cursors-store.js';
export { type PartitionCounts } from './days/day-clearing.js';
export { DayPartitions, ensureDays, type DayPartitionsOptions } from './days/day-partitions.js';
export { InvalidEventError, findDefects, type EventDefect } from './append/event-check.js';
export { LogReader, type EventKey, type Head, type ReadLimit } from './event-log.js';
export { defaultSource, type EventAttributes, type NewEvent, type StoredEvent } from './event.js';
export { type AppendedEvent } from './append/flush-plan.js';
export { type AppendResult } from './append/flusher.js';
export { HeadWatch, type HeadWatchOptions } from './tail/head-watch.js';
export { type LogLine } from './log-line.js';
export { partitionOf } from './append/partition.js';
export { formatPosition, parsePosition, type Position } from './reading/position.js';
export { inTransaction } from './days/partitions-store.js';
export { findPlaces, type Place } from './reading/position-store.js';
export { UnknownStreamError, type StreamRef, type TopicRef } from './stream.js';
export { type RetentionPolicy } from './days/retention-policy.js';
export { listExpirations, type Expiration } from './days/retention-store.js';
export { createStreams, deleteStreams, loadStreams, topicStats, type StreamStats } from './streams-store.js';
export { TailListener, type TailListenerOptions } from './tail/tail-listener.js';
export { TailNotifier, type TailNotifierOptions } from './tail/tail-notifier.js';
export { notifyFree } from './tail/tail-store.js';
export {
  formatTopicCursor,
  mergeByTime,
  parseTopicCursor,
  type TopicCursor,
  type TopicPage,
} from './reading/topic-cursor.js';
export { TopicLog, type TopicStart } from './reading/topic-log.js';
