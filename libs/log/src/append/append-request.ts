import { toColumns, isRepetition, type EventColumns, type NewEvent } from '../event.js';
import { partitionOf } from './partition.js';
import type { TopicRef } from '../stream.js';

/** One event of a request, for its stream. */
export interface RequestItem {
  streamId: number;
  columns: EventColumns;
}

/** A publish request, ready to join a batch. */
export interface AppendRequest {
  /** The distinct events, in the order given. */
  items: readonly RequestItem[];
  /** For each event as given, the index of its item. The second to name an item repeats it. */
  places: readonly number[];
  /** About what it occupies in memory and on the way to Postgres. */
  bytes: number;
}

export type RequestCheck = { kind: 'ok'; request: AppendRequest } | { kind: 'conflict'; ids: string[] };

/** What an event costs besides its data: its other columns, objects and promises. */
const overheadBytes = 512;

/** Sorts a request's events into streams and finds those that it names twice. */
export function toRequest(topic: TopicRef, events: readonly NewEvent[]): RequestCheck {
  const items: RequestItem[] = [];
  const places: number[] = [];
  const itemOf = new Map<string, number>();
  const conflicts = new Set<string>();
  let bytes = 0;
  for (const event of events) {
    const columns = toColumns(event, topic.name);
    const known = itemOf.get(event.id);
    if (known === undefined) {
      itemOf.set(event.id, items.length);
      places.push(items.length);
      items.push({ streamId: streamOf(topic, event), columns });
      bytes += overheadBytes + (event.data?.length ?? 0);
    } else {
      places.push(known);
      if (!isRepetition(columns, itemAt(items, known).columns)) conflicts.add(event.id);
    }
  }
  return conflicts.size > 0
    ? { kind: 'conflict', ids: [...conflicts] }
    : { kind: 'ok', request: { items, places, bytes } };
}

function streamOf(topic: TopicRef, event: NewEvent): number {
  const stream = topic.streams[partitionOf(event, topic.streams.length)];
  if (!stream) throw new Error(`Topic "${topic.name}" has no streams`);
  return stream.streamId;
}

function itemAt(items: readonly RequestItem[], index: number): RequestItem {
  const item = items[index];
  if (!item) throw new Error(`No item ${index}`);
  return item;
}
