import type { StoredEvent } from '../event.js';
import { formatPosition, parsePosition } from './position.js';
import type { TopicRef } from '../stream.js';

/**
 * How far a topic was read: stream → last seq read. Written as positions with commas between, in the order of the
 * topic's partitions; opaque to whoever hands it back.
 */
export type TopicCursor = ReadonlyMap<number, number>;

export interface TopicPage {
  events: StoredEvent[];
  /** Where the next page begins. */
  next: TopicCursor;
}

export function formatTopicCursor(topic: TopicRef, cursor: TopicCursor): string {
  return topic.streams.map(({ streamId }) => formatPosition(streamId, cursor.get(streamId) ?? 0)).join(',');
}

/**
 * The positions of a text, of all streams of the topic or of some. Undefined when one is not a position in this topic
 * or a stream is named twice.
 */
export function parseTopicCursor(topic: TopicRef, text: string): TopicCursor | undefined {
  const cursor = new Map<number, number>();
  for (const part of text.split(',')) {
    const position = parsePosition(part);
    const isOfTopic = topic.streams.some(({ streamId }) => streamId === position?.streamId);
    if (!position || !isOfTopic || cursor.has(position.streamId)) return undefined;
    cursor.set(position.streamId, position.seq);
  }
  return cursor;
}

/**
 * One page from what was read of each stream (in the order of partitions) behind `from`: by time of storing, then by
 * partition; inside a stream always by seq. Across streams the order is only almost the order of commits, since an
 * event's time is taken before its commit. The cursor counts each stream by itself, so nothing is lost by that.
 */
export function mergeByTime(read: readonly (readonly StoredEvent[])[], from: TopicCursor, limit: number): TopicPage {
  const taken = read.map(() => 0);
  const next = new Map(from);
  const events: StoredEvent[] = [];
  while (events.length < limit) {
    const stream = indexOfEarliest(read.map((waiting, index) => waiting[taken[index] ?? 0]));
    const event = read[stream]?.[taken[stream] ?? 0];
    if (!event) break;
    taken[stream] = (taken[stream] ?? 0) + 1;
    next.set(event.streamId, event.seq);
    events.push(event);
  }
  return { events, next };
}

/** The first of the earliest; -1 when there is none. */
function indexOfEarliest(events: readonly (StoredEvent | undefined)[]): number {
  let best = -1;
  let bestAt = Infinity;
  for (const [index, event] of events.entries()) {
    const at = event?.createdAt.getTime() ?? Infinity;
    if (at < bestAt) [best, bestAt] = [index, at];
  }
  return best;
}
