import type { LogReader, StoredEvent } from '@hookcast/log';
import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { Clock } from '../timing/clock.js';
import type { Feed } from './feed.js';
import { HookEvent } from '../sending/hook-event.js';
import type { OwnedStream, StreamCursor } from './owned-stream.js';
import { RoundRobin } from '../sending/round-robin.js';

export interface ReaderOptions {
  log: Pick<LogReader, 'read'>;
  lines: DeliveryLog;
  /** Reads at the same time. */
  maxReads: number;
  /** Bytes of events that one stream's shared feed may hold for a subscription that lags behind the others. */
  maxSharedBytes: () => number;
  /** Events that it may hold. */
  maxSharedEvents: number;
  clock: Clock;
  /** New events were read, so many milliseconds after they were asked for. */
  onLiveRead: (ms: number) => void;
  /** Called when events have arrived or a read has failed. */
  onRead: () => void;
}

/** Milliseconds after which an event that was not taken yet is backlog, and live no more. */
export const backlogAfterMs = 10_000;
/** Bytes of data in one read; a single larger event still comes. */
const pageBytes = 1_048_576;

/** Keeps the feeds of the owned streams filled: one read at a time for each feed, few at a time for all. */
export class StreamReader {
  private readonly line = new RoundRobin<Feed<StreamCursor>>();
  private reading = 0;

  constructor(private readonly options: ReaderOptions) {}

  get isIdle(): boolean {
    return this.reading === 0 && this.line.size === 0;
  }

  /** New events may exist: every feed of the stream that has run dry is read. */
  considerStream(stream: OwnedStream): void {
    if (stream.isClosing) return;
    if (stream.tail.wantsMore) this.line.add(stream.tail);
    for (const cursor of stream.cursors.values()) if (cursor.feed !== stream.tail) this.consider(cursor);
    this.serve();
  }

  /** A cursor took an event or starts to read. */
  consider(cursor: StreamCursor): void {
    const { stream } = cursor;
    if (cursor.feed !== stream.tail) this.rejoin(cursor);
    if (!cursor.feed?.wantsMore || stream.isClosing) return;
    this.line.add(cursor.feed);
    this.serve();
  }

  /** Back to the shared feed as soon as the place that a cursor has reached on its own lies in there. */
  private rejoin(cursor: StreamCursor): void {
    const { stream, feed } = cursor;
    if (!feed || cursor.hasNext || feed.isReading) return;
    const { tail } = stream;
    if (tail.followers.size > 0 && tail.buffer.ordinalAfter(cursor.place.seq) === undefined) return;
    stream.follow(cursor);
    if (cursor.hasNext) cursor.eventsArrived();
  }

  private serve(): void {
    while (this.reading < this.options.maxReads) {
      const feed = this.line.next();
      if (!feed) return;
      if (feed.wantsMore) void this.read(feed);
    }
  }

  private async read(feed: Feed<StreamCursor>): Promise<void> {
    const { buffer } = feed;
    const stream = streamOf(feed);
    if (!stream) return;
    feed.isReading = true;
    this.reading += 1;
    let failed = false;
    const { clock } = this.options;
    const beganAt = clock.monotonic();
    const { head } = stream;
    try {
      const { seq, at } = buffer.end;
      const after = Number.isFinite(at) ? { seq, at: new Date(at) } : { seq };
      const events = await this.options.log.read(stream.ref, after, { events: feed.pageSize, bytes: pageBytes });
      if (isLive(events, clock.now())) this.options.onLiveRead(clock.monotonic() - beganAt);
      if (events.length === 0) stream.foundNothing(seq, head);
      // Started over meanwhile: what was read belongs to another place.
      if (feed.buffer === buffer)
        this.deliver(
          feed,
          events.map((event) => new HookEvent(event)),
        );
    } catch (error) {
      // The poll asks again; asking at once would turn in circles for as long as the database is away.
      failed = true;
      this.options.lines.warn('delivery.read-failed', { streamId: stream.streamId, error: errorText(error) });
    } finally {
      feed.isReading = false;
      this.reading -= 1;
    }
    if (feed.wantsMore && !failed) this.line.add(feed);
    this.serve();
    this.options.onRead();
  }

  private deliver(feed: Feed<StreamCursor>, events: readonly HookEvent[]): void {
    if (events.length === 0) return;
    feed.buffer.append(events);
    for (const cursor of feed.followers) cursor.eventsArrived();
    feed.trim();
    this.separateLaggards(feed);
  }

  /** A subscription that lags would make the shared feed grow without bound: it goes on reading on its own. */
  private separateLaggards(feed: Feed<StreamCursor>): void {
    const { maxSharedBytes, maxSharedEvents } = this.options;
    const { buffer } = feed;
    if (feed.followers.size < 2 || (buffer.size <= maxSharedEvents && buffer.bytes <= maxSharedBytes())) return;
    const middle = buffer.endOrdinal - Math.ceil(buffer.size / 2);
    // Behind another, that is: when all wait for a page that has just come and is large, nobody lags. Were they all
    // sent away, the feed would start over empty and read the same page again, for ever.
    const fastest = Math.max(...[...feed.followers].map(({ ordinal }) => ordinal));
    const laggards = [...feed.followers].filter(({ ordinal }) => ordinal < middle && ordinal < fastest);
    for (const cursor of laggards) cursor.stream.separate(cursor);
    // Only now their places are gone from the shared feed; before, they would join it again.
    feed.trim();
    for (const cursor of laggards) this.consider(cursor);
  }
}

/** Nothing waited for long: the newest one was stored a moment ago. */
function isLive(events: readonly StoredEvent[], now: number): boolean {
  const newest = events.at(-1);
  return newest !== undefined && now - newest.createdAt.getTime() < backlogAfterMs;
}

/** Its followers all read the same stream. */
function streamOf(feed: Feed<StreamCursor>): OwnedStream | undefined {
  for (const cursor of feed.followers) return cursor.stream;
  return undefined;
}
