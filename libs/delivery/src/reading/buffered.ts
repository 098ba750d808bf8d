import type { Feed } from './feed.js';
import type { OwnedStream, StreamCursor } from './owned-stream.js';

/** Events in memory that wait to be sent for the first time. */
export function bufferedIn(streams: Iterable<OwnedStream>): { events: number; bytes: number } {
  const feeds = new Set<Feed<StreamCursor>>();
  for (const { cursors } of streams) for (const { feed } of cursors.values()) if (feed) feeds.add(feed);
  const sum = { events: 0, bytes: 0 };
  for (const { buffer } of feeds) {
    sum.events += buffer.size;
    sum.bytes += buffer.bytes;
  }
  return sum;
}
