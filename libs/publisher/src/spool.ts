import { mkdirSync } from 'node:fs';
import { open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import type { OutgoingEvent } from './outgoing-event.js';
import { SpoolLock } from './spool-lock.js';
import { encodeRecord, readRecord } from './spool-record.js';
import { positionPath, recoverSegments, segmentPath, type Segment, type SpoolPosition } from './spool-segments.js';
import { SpoolWriter, type FsyncPolicy } from './spool-writer.js';

export interface SpoolSettings {
  directory: string;
  fsync: FsyncPolicy;
  /** Bytes that may wait; beyond it nothing more is taken. Up to one segment more may be on disk. */
  maxBytes: number;
  /** A file that has grown to this size is followed by a new one. */
  segmentBytes: number;
}

/** Calls to be published, oldest first, and the place behind them. */
export interface SpooledCalls {
  calls: OutgoingEvent[][];
  end: SpoolPosition;
}

/** An append-only file of calls that wait for the broker, cut into segments. Survives the process. */
export class Spool {
  /** Events that the broker has not taken yet. */
  events: number;
  /** Files that bytes were moved to because they are not those that were written. */
  readonly damaged: readonly string[];
  private readonly lock: SpoolLock;
  private readonly segments: Segment[];
  private readonly writer: SpoolWriter;
  private position: SpoolPosition;
  private reading: { segment: number; handle: FileHandle } | undefined;

  /** @throws {Error} when the directory cannot be used, or another process uses it */
  constructor(private readonly settings: SpoolSettings) {
    const { directory, fsync, segmentBytes } = settings;
    mkdirSync(directory, { recursive: true });
    // Before anything is read: recovery cuts files that another process may be writing.
    this.lock = new SpoolLock(directory);
    const recovered = recoverSegments(directory);
    this.damaged = recovered.damaged;
    this.events = recovered.events;
    this.segments = recovered.segments;
    this.position = this.segments[0] ? recovered.position : { segment: recovered.position.segment, offset: 0 };
    const next = Math.max(recovered.position.segment, this.segments.at(-1)?.number ?? 0) + 1;
    this.writer = new SpoolWriter({ directory, fsync, segmentBytes, firstSegment: next });
    this.writer.onSegment = (segment) => this.segments.push(segment);
  }

  get isEmpty(): boolean {
    return this.events === 0;
  }

  /** Of what the broker has not taken yet. */
  get bytes(): number {
    const { segment, offset } = this.position;
    const passed = this.segments[0]?.number === segment ? offset : 0;
    return this.segments.reduce((sum, { bytes }) => sum + bytes, this.writer.queuedBytes - passed);
  }

  /**
   * Takes the events of one call; they are in their place among the others when this returns, and on disk as the fsync
   * policy says when the promise resolves.
   *
   * @returns undefined when the spool is full
   */
  append(events: readonly OutgoingEvent[]): Promise<void> | undefined {
    const record = encodeRecord(events);
    if (this.bytes + record.length > this.settings.maxBytes) return undefined;
    this.events += events.length;
    return this.writer.append(record).catch((error: unknown) => {
      this.events -= events.length;
      throw error;
    });
  }

  /** The oldest calls that were not acknowledged, as many as fit; none when all are, or not on disk yet. */
  async read(limits: { maxEvents: number; maxBytes: number }): Promise<SpooledCalls> {
    const offsetIn = ({ number }: Segment) => (number === this.position.segment ? this.position.offset : 0);
    // One file at a time is enough for a request.
    const segment = this.segments.find((each) => each.number >= this.position.segment && offsetIn(each) < each.bytes);
    if (segment === undefined) return { calls: [], end: this.position };
    const { calls, end } = await this.readSegment(segment, offsetIn(segment), limits);
    return { calls, end: { segment: segment.number, offset: end } };
  }

  private async readSegment(
    { number, bytes }: Segment,
    from: number,
    { maxEvents, maxBytes }: { maxEvents: number; maxBytes: number },
  ): Promise<{ calls: OutgoingEvent[][]; end: number }> {
    let chunk = await this.bytesOf(number, from, Math.min(bytes - from, maxBytes));
    const calls: OutgoingEvent[][] = [];
    let [at, events] = [0, 0];
    while (events < maxEvents) {
      const record = readRecord(chunk, at);
      if (record.kind === 'record') {
        calls.push(record.events);
        events += record.events.length;
        at = record.end;
      } else if (record.kind === 'torn' && at === 0 && chunk.length < bytes - from) {
        chunk = await this.bytesOf(number, from, bytes - from);
      } else if (record.kind === 'damaged') {
        throw new Error(`${segmentPath(this.settings.directory, number)} is damaged at byte ${from + at}.`);
      } else break;
    }
    return { calls, end: from + at };
  }

  /** The broker has taken everything before `end`, `events` in number. */
  async acknowledge(end: SpoolPosition, events: number): Promise<void> {
    this.events -= events;
    this.position = end;
    const path = positionPath(this.settings.directory);
    // Renamed into place, so that no crash leaves half a position. Not synced: a lost one costs repeated publishes only.
    await writeFile(`${path}.new`, JSON.stringify(end));
    await rename(`${path}.new`, path);
    await this.removePassed();
  }

  /** Writes what is queued and gives the directory back. */
  async close(): Promise<void> {
    await this.writer.close();
    await this.reading?.handle.close();
    this.lock.release();
  }

  private async removePassed(): Promise<void> {
    for (let first = this.segments[0]; first !== undefined; first = this.segments[0]) {
      const { segment, offset } = this.position;
      const isPassed = segment > first.number || (segment === first.number && offset >= first.bytes);
      if (!isPassed || this.writer.isWriting(first.number)) return;
      this.segments.shift();
      if (this.reading?.segment === first.number) {
        await this.reading.handle.close();
        this.reading = undefined;
      }
      await rm(segmentPath(this.settings.directory, first.number), { force: true });
    }
  }

  private async bytesOf(segment: number, from: number, length: number): Promise<Buffer> {
    if (this.reading?.segment !== segment) {
      await this.reading?.handle.close();
      this.reading = { segment, handle: await open(segmentPath(this.settings.directory, segment), 'r') };
    }
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.reading.handle.read(buffer, 0, length, from);
    return buffer.subarray(0, bytesRead);
  }
}
