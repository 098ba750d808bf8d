import { open, rm, type FileHandle } from 'node:fs/promises';
import { Fifo } from './fifo.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { encodeRecord } from './spool-record.js';
import { segmentPath, type Segment } from './spool-segments.js';

/**
 * When an event counts as written:
 *
 * - `always`: after fdatasync; it survives the machine. Events that arrive together share one.
 * - `interval`: after write; it survives the process, and the machine too if that lives for another second
 * - `never`: after write; when it reaches the disk is up to the operating system
 */
export type FsyncPolicy = 'always' | 'interval' | 'never';

export interface SpoolWriterOptions {
  directory: string;
  fsync: FsyncPolicy;
  segmentBytes: number;
  firstSegment: number;
}

/** The events of one call, which stay together. */
export interface Append {
  events: readonly OutgoingEvent[];
  /** Of their record, about: it is only made when it is written. */
  bytes: number;
  /** Told once: undefined when they are written as the policy says, or the error of the file system. */
  onEnd: (error: unknown) => void;
}

const intervalMs = 1_000;

/**
 * Of one write. Those that wait are many when the broker has gone, and writing down all of them in one go would hold up
 * whatever else the service does: a quarter of a megabyte takes about a millisecond.
 */
const writeLimits = { calls: 250, bytes: 256 * 1024 };

/** Appends records to the newest segment, those that wait together in one write. */
export class SpoolWriter {
  /** About so many bytes are not written yet. */
  queuedBytes = 0;
  /** Told of each segment when something is in it; its `bytes` grow with every further write. */
  onSegment: (segment: Segment) => void = () => {};
  private readonly queue = new Fifo<Append>();
  private current: { handle: FileHandle; segment: Segment } | undefined;
  private nextSegment: number;
  private running: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly syncTimer: NodeJS.Timeout | undefined;
  private isDirty = false;

  constructor(private readonly options: SpoolWriterOptions) {
    this.nextSegment = options.firstSegment;
    if (options.fsync === 'interval') this.syncTimer = setInterval(() => void this.sync(), intervalMs).unref();
  }

  append(call: Append): void {
    this.queue.push(call);
    this.queuedBytes += call.bytes;
    this.running ??= this.run();
  }

  /** Resolves once the write under way has ended. */
  async written(): Promise<void> {
    await this.writing;
  }

  isWriting(segment: number): boolean {
    return this.current?.segment.number === segment;
  }

  async close(): Promise<void> {
    await this.running;
    clearInterval(this.syncTimer);
    await this.sync();
    await this.current?.handle.close();
    this.current = undefined;
  }

  private async run(): Promise<void> {
    // Calls of the same turn share the first write.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const writing = this.writeSome();
      this.writing = writing;
      await writing;
    }
    this.running = undefined;
  }

  private async writeSome(): Promise<void> {
    const calls = this.take();
    const error = await this.write(Buffer.concat(calls.map(({ events }) => encodeRecord(events))));
    for (const call of calls) {
      this.queuedBytes -= call.bytes;
      call.onEnd(error);
    }
  }

  /** The calls of the next write; at least one. */
  private take(): Append[] {
    const calls: Append[] = [];
    let bytes = 0;
    for (let next = this.queue.peek(); next !== undefined; next = this.queue.peek()) {
      bytes += next.bytes;
      if (calls.length > 0 && (calls.length === writeLimits.calls || bytes > writeLimits.bytes)) break;
      calls.push(next);
      this.queue.shift();
    }
    return calls;
  }

  /** Writes at the end of the current segment. What it returns is an Error of the file system. */
  private async write(bytes: Buffer): Promise<unknown> {
    try {
      const { handle, segment } = await this.segmentFor();
      await handle.appendFile(bytes);
      if (this.options.fsync === 'always') await handle.datasync();
      const isFirst = segment.bytes === 0;
      segment.bytes += bytes.length;
      this.isDirty = true;
      if (isFirst) this.onSegment(segment);
      return undefined;
    } catch (error) {
      await this.abandonSegment();
      return error;
    }
  }

  private async segmentFor(): Promise<{ handle: FileHandle; segment: Segment }> {
    if (this.current && this.current.segment.bytes < this.options.segmentBytes) return this.current;
    await this.sync();
    await this.current?.handle.close();
    this.current = undefined;
    const segment = { number: this.nextSegment, bytes: 0 };
    this.nextSegment += 1;
    const handle = await open(segmentPath(this.options.directory, segment.number), 'ax');
    this.current = { handle, segment };
    if (this.options.fsync === 'always') await this.syncDirectory();
    return this.current;
  }

  /** Part of a record may stand at its end: nothing is appended to it any more, and reading stops before that. */
  private async abandonSegment(): Promise<void> {
    const { handle, segment } = this.current ?? {};
    this.current = undefined;
    try {
      await handle?.truncate(segment?.bytes);
      await handle?.close();
      if (segment?.bytes !== 0) return;
      // A disk that stays full would leave an empty file for every write that was tried.
      await rm(segmentPath(this.options.directory, segment.number));
      this.nextSegment = segment.number;
    } catch {
      // The next start cuts it off.
    }
  }

  private async sync(): Promise<void> {
    if (!this.isDirty || this.options.fsync === 'never') return;
    this.isDirty = false;
    try {
      await this.current?.handle.datasync();
    } catch {
      this.isDirty = true;
    }
  }

  /** Makes the name of a new file as durable as what is in it. */
  private async syncDirectory(): Promise<void> {
    const directory = await open(this.options.directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
