import type { LogReader, ReadLimit } from '../event-log.js';
import type { HeadWatch } from '../tail/head-watch.js';
import type { StreamRef, TopicRef } from '../stream.js';
import { mergeByTime, type TopicCursor, type TopicPage } from './topic-cursor.js';

/**
 * Where reading a topic begins. `after` may name some of its streams only: a single event's position, say. The others
 * then go on behind that event in the order of pages, so that paging by the last event's position neither repeats nor
 * skips, as long as nothing was being stored at that very moment. The full cursor of a page is always exact.
 */
export type TopicStart =
  { kind: 'earliest' } | { kind: 'latest' } | { kind: 'time'; at: Date } | { kind: 'after'; cursor: TopicCursor };

/** Bytes of data read from one stream for one page. */
const streamBytes = 4 * 1024 * 1024;

/** Reads all streams of a topic as one. */
export class TopicLog {
  constructor(
    private readonly reader: LogReader,
    private readonly watch: HeadWatch,
  ) {}

  async begin(topic: TopicRef, start: TopicStart): Promise<TopicCursor> {
    switch (start.kind) {
      case 'earliest':
        return this.places(topic.streams, async (stream) => this.reader.earliest(stream));
      case 'time':
        return this.places(topic.streams, async (stream) => this.reader.positionAt(stream, start.at));
      case 'latest': {
        const heads = await this.reader.heads(topic.streams.map(({ streamId }) => streamId));
        return new Map(topic.streams.map(({ streamId }) => [streamId, heads.get(streamId)?.seq ?? 0]));
      }
      case 'after':
        return this.beginAfter(topic, start.cursor);
    }
  }

  async read(topic: TopicRef, cursor: TopicCursor, { events, bytes = streamBytes }: ReadLimit): Promise<TopicPage> {
    const read = topic.streams.map(async (stream) =>
      this.reader.read(stream, { seq: cursor.get(stream.streamId) ?? 0 }, { events, bytes }),
    );
    return mergeByTime(await Promise.all(read), cursor, events);
  }

  /** Like `read`, but waits for the first event; an empty page when the time was up or the signal aborted. */
  async poll(
    topic: TopicRef,
    cursor: TopicCursor,
    { waitMs, signal, ...limit }: ReadLimit & { waitMs: number; signal?: AbortSignal },
  ): Promise<TopicPage> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const page = await this.read(topic, cursor, limit);
      if (page.events.length > 0) return page;
      if (!(await this.watch.waitForHead(cursor, deadline - performance.now(), signal))) return page;
    }
  }

  private async beginAfter(topic: TopicRef, cursor: TopicCursor): Promise<TopicCursor> {
    const isNamed = ({ streamId }: StreamRef) => cursor.has(streamId);
    if (topic.streams.every(isNamed)) return cursor;
    const named = await Promise.all(topic.streams.filter(isNamed).map(async (stream) => this.timeAt(stream, cursor)));
    const last = named.reduce((first, one) => (one.at < first.at ? one : first), { at: Infinity, partition: 0 });
    return this.places(topic.streams, async (stream) => {
      const seq = cursor.get(stream.streamId);
      if (seq !== undefined) return seq;
      // Pages order events of the same millisecond by partition: those of lower partitions came before.
      const at = last.at + (stream.partition < last.partition ? 1 : 0);
      return Number.isFinite(at) ? this.reader.positionAt(stream, new Date(at)) : this.reader.earliest(stream);
    });
  }

  /** When the event at the cursor was stored. One that does not exist, or not any more, was before all others. */
  private async timeAt(stream: StreamRef, cursor: TopicCursor): Promise<{ at: number; partition: number }> {
    const seq = cursor.get(stream.streamId) ?? 0;
    const [event] = await this.reader.read(stream, { seq: seq - 1 }, { events: 1 });
    const at = event?.seq === seq ? event.createdAt.getTime() : -Infinity;
    return { at, partition: stream.partition };
  }

  private async places(streams: readonly StreamRef[], place: (stream: StreamRef) => Promise<number>) {
    return new Map(await Promise.all(streams.map(async (stream) => [stream.streamId, await place(stream)] as const)));
  }
}
