import { open, type FileHandle } from 'node:fs/promises';
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

interface Append {
  record: Buffer;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const intervalMs = 1_000;

/** Appends records to the newest segment, all that wait together in one write. */
export class SpoolWriter {
  queuedBytes = 0;
  /** Told of each segment when its first record is written; its `bytes` grow with every further one. */
  onSegment: (segment: Segment) => void = () => {};
  private queue: Append[] = [];
  private current: { handle: FileHandle; segment: Segment } | undefined;
  private nextSegment: number;
  private running: Promise<void> | undefined;
  private readonly syncTimer: NodeJS.Timeout | undefined;
  private isDirty = false;

  constructor(private readonly options: SpoolWriterOptions) {
    this.nextSegment = options.firstSegment;
    if (options.fsync === 'interval') this.syncTimer = setInterval(() => void this.sync(), intervalMs).unref();
  }

  async append(record: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ record, resolve, reject });
      this.queuedBytes += record.length;
      this.running ??= this.run();
    });
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
    while (this.queue.length > 0) {
      const batch = this.queue;
      this.queue = [];
      const error = await this.write(Buffer.concat(batch.map(({ record }) => record)));
      for (const { record, resolve, reject } of batch) {
        this.queuedBytes -= record.length;
        if (error === undefined) resolve();
        else reject(error);
      }
    }
    this.running = undefined;
  }

  /** Writes at the end of the current segment. What it returns is an Error of the file system. */
  private async write(bytes: Buffer): Promise<unknown> {
    try {
      const { handle, segment } = await this.segmentFor();
      await handle.appendFile(bytes);
      if (this.options.fsync === 'always') await handle.datasync();
      segment.bytes += bytes.length;
      this.isDirty = true;
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
    this.onSegment(segment);
    return this.current;
  }

  /** Part of a record may stand at its end: nothing is appended to it any more, and reading stops before that. */
  private async abandonSegment(): Promise<void> {
    const { handle, segment } = this.current ?? {};
    this.current = undefined;
    try {
      await handle?.truncate(segment?.bytes);
      await handle?.close();
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
