import { mkdirSync } from 'node:fs';
import { open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { OutgoingEvent } from './outgoing-event.js';
import { SpoolLock } from './spool-lock.js';
import { readRecord, recordBytes } from './spool-record.js';
import {
  positionPath,
  recoverSegments,
  segmentPath,
  type Recovered,
  type Segment,
  type SpoolPosition,
} from './spool-segments.js';
import { SpoolWriter, type Append, type FsyncPolicy } from './spool-writer.js';

export interface SpoolSettings {
  directory: string;
  fsync: FsyncPolicy;
  /** Bytes that may wait; beyond it nothing more is taken. Up to one segment more may be on disk. */
  maxBytes: number;
  /** A file that has grown to this size is followed by a new one. */
  segmentBytes: number;
}

const positionEveryMs = 100;

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
  private isPositionNew = false;
  private positionAt = 0;
  private reading: { segment: number; handle: FileHandle } | undefined;

  /** @throws {Error} when the directory cannot be used, or another process uses it */
  constructor(private readonly settings: SpoolSettings) {
    const { directory, fsync, segmentBytes } = settings;
    mkdirSync(directory, { recursive: true });
    // Before anything is read: recovery cuts files that another process may be writing.
    this.lock = new SpoolLock(directory);
    const recovered = this.recover();
    this.damaged = recovered.damaged;
    this.events = recovered.events;
    this.segments = recovered.segments;
    this.position = this.segments[0] ? recovered.position : { segment: recovered.position.segment, offset: 0 };
    const next = Math.max(recovered.position.segment, this.segments.at(-1)?.number ?? 0) + 1;
    this.writer = new SpoolWriter({ directory, fsync, segmentBytes, firstSegment: next });
    this.writer.onSegment = (segment) => this.segments.push(segment);
  }

  /** A directory that cannot be read is given back: whoever tries again is to be told why, and not that it is in use. */
  private recover(): Recovered {
    try {
      return recoverSegments(this.settings.directory);
    } catch (error) {
      this.lock.release();
      throw error;
    }
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
   * policy says when `onEnd` is told undefined.
   *
   * @param besides bytes elsewhere that count as well
   * @returns false when the spool is full
   */
  append(events: readonly OutgoingEvent[], onEnd: Append['onEnd'], besides = 0): boolean {
    const bytes = recordBytes(events);
    if (this.bytes + besides + bytes > this.settings.maxBytes) return false;
    this.events += events.length;
    this.writer.append({
      events,
      bytes,
      onEnd: (error) => {
        if (error !== undefined) this.events -= events.length;
        onEnd(error);
      },
    });
    return true;
  }

  /** The oldest calls that were not acknowledged, as many as fit, once they are on disk; none when all are. */
  async read(limits: { maxEvents: number; maxBytes: number }): Promise<SpooledCalls> {
    for (let segment = this.unread(); ; segment = this.unread()) {
      if (segment !== undefined) return this.readSegment(segment, limits);
      if (this.writer.queuedBytes === 0) return { calls: [], end: this.position };
      await this.writer.written();
    }
  }

  /** The first segment that holds something the broker has not taken: one file at a time is enough for a request. */
  private unread(): Segment | undefined {
    return this.segments.find((each) => each.number >= this.position.segment && this.passedIn(each) < each.bytes);
  }

  private passedIn({ number }: Segment): number {
    return number === this.position.segment ? this.position.offset : 0;
  }

  private async readSegment(
    segment: Segment,
    { maxEvents, maxBytes }: { maxEvents: number; maxBytes: number },
  ): Promise<SpooledCalls> {
    const { number } = segment;
    const from = this.passedIn(segment);
    const left = segment.bytes - from;
    let asked = Math.min(left, maxBytes);
    let chunk = await this.bytesOf(number, from, asked);
    const calls: OutgoingEvent[][] = [];
    let [at, events] = [0, 0];
    while (events < maxEvents) {
      const record = readRecord(chunk, at);
      if (record.kind === 'record') {
        calls.push(record.events);
        events += record.events.length;
        at = record.end;
      } else if (record.kind === 'torn' && at === 0 && asked < left) {
        asked = left;
        chunk = await this.bytesOf(number, from, asked);
      } else if (record.kind === 'damaged' && at === 0) {
        throw new Error(`${segmentPath(this.settings.directory, number)} is damaged at byte ${from + at}.`);
      } else break;
    }
    return { calls, end: { segment: number, offset: from + at } };
  }

  /**
   * The broker has taken everything before `end`, `events` in number. That is written down now and then, since every time
   * has the disk do more than it needs for the events: what a crash leaves out is published again, and known by its ids.
   */
  async acknowledge(end: SpoolPosition, events: number): Promise<void> {
    this.events -= events;
    this.position = end;
    this.isPositionNew = true;
    try {
      if (this.isEmpty || performance.now() - this.positionAt > positionEveryMs) await this.writePosition();
    } finally {
      // Also when the position could not be written: on a full disk this is what makes room.
      await this.removePassed();
    }
  }

  /** Renamed into place, so that no crash leaves half a position. Not synced: a lost one costs repeated publishes only. */
  private async writePosition(): Promise<void> {
    const path = positionPath(this.settings.directory);
    this.positionAt = performance.now();
    await writeFile(`${path}.new`, JSON.stringify(this.position));
    await rename(`${path}.new`, path);
    this.isPositionNew = false;
  }

  /** Writes what is queued and gives the directory back. */
  async close(): Promise<void> {
    try {
      await this.writer.close();
      await this.writeLastPosition();
      await this.reading?.handle.close();
      this.reading = undefined;
    } finally {
      this.lock.release();
    }
  }

  /** Not twice, and not later: the directory is somebody else's by then. */
  private async writeLastPosition(): Promise<void> {
    if (!this.isPositionNew) return;
    this.isPositionNew = false;
    try {
      await this.writePosition();
    } catch {
      // It costs repeated publishes, and nothing that is queued.
    }
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
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.reading.handle.read(buffer, 0, length, from);
    return buffer.subarray(0, bytesRead);
  }
}
