import { crc32 } from 'node:zlib';
import type { OutgoingEvent } from './outgoing-event.js';

/*
 * A record holds the events of one call, so that a batch stays whole:
 *
 *   mark                                 u32 big-endian
 *   length of the rest                   u32 big-endian
 *   CRC-32 of the length and the rest    u32 big-endian
 *   {"topic":…,"events":[[id, key or null, bytes of the body], …]}\n
 *   the bodies, one after the other
 *
 * The first spools had records without a mark, whose checksum left out the length. They are still read.
 */

/** Begins with a byte that stands in no UTF-8 text, and is no length: the next record is found again behind damaged bytes. */
const mark = 0xff484332;
const frameBytes = 12;
const oldFrameBytes = 8;
const newline = 0x0a;

/** More than any call can hold; a length beyond it is no length. */
const maxRecordBytes = 64 * 1024 * 1024;

/** What stands at a place of a spool file. */
export type RecordReading =
  | { kind: 'record'; events: OutgoingEvent[]; end: number }
  | { kind: 'end' }
  /** The file ends within the record, or in zeros: it was being written when the process or the machine died. */
  | { kind: 'torn' }
  /** The bytes are not those that were written. */
  | { kind: 'damaged' };

/** About the bytes of the record of these events, without making it. */
export function recordBytes(events: readonly OutgoingEvent[]): number {
  let bytes = frameBytes + 64;
  for (const { id, key, body } of events) bytes += id.length + (key?.length ?? 0) + body.length + 16;
  return bytes;
}

export function encodeRecord(events: readonly OutgoingEvent[]): Buffer {
  const head = {
    topic: events[0]?.topic,
    events: events.map(({ id, key, body }) => [id, key ?? null, body.length]),
  };
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...events.map(({ body }) => body)]);
  const frame = Buffer.alloc(frameBytes);
  frame.writeUInt32BE(mark, 0);
  frame.writeUInt32BE(rest.length, 4);
  frame.writeUInt32BE(crc32(rest, crc32(frame.subarray(4, 8))), 8);
  return Buffer.concat([frame, rest]);
}

/** Reads the record at `offset`. */
export function readRecord(file: Buffer, offset: number): RecordReading {
  if (offset === file.length) return { kind: 'end' };
  const frame = readFrame(file, offset);
  if (frame === undefined) return { kind: 'torn' };
  const { start, length } = frame;
  if (length === 0) return { kind: isZero(file, offset) ? 'torn' : 'damaged' };
  if (length > maxRecordBytes) return { kind: 'damaged' };
  const rest = file.subarray(start, start + length);
  // What was cut short was never told to be safe. What is all there has a damaged length, and was.
  if (rest.length < length) return { kind: holdsWhole(rest) ? 'damaged' : 'torn' };
  if (crc32(rest, frame.seed) !== frame.checksum) return { kind: 'damaged' };
  return { kind: 'record', events: decode(rest), end: start + length };
}

/** Where the next whole record begins, at `from` or behind; undefined when there is none. */
export function findRecord(file: Buffer, from: number): number | undefined {
  for (let at = from; at + oldFrameBytes < file.length; at += 1) {
    // Text, which is nearly all there is, has no byte that a mark or an allowed length begins with.
    const first = file.readUInt32BE(at);
    if (first === mark || (first > 0 && first <= maxRecordBytes)) {
      if (readRecord(file, at).kind === 'record') return at;
    }
  }
  return undefined;
}

interface Frame {
  start: number;
  length: number;
  checksum: number;
  /** The checksum of what stands before the rest. */
  seed: number;
}

/** Undefined where the file ends within it. */
function readFrame(file: Buffer, offset: number): Frame | undefined {
  const left = file.length - offset;
  if (left < oldFrameBytes) return undefined;
  const first = file.readUInt32BE(offset);
  if (first !== mark) {
    return { start: offset + oldFrameBytes, length: first, checksum: file.readUInt32BE(offset + 4), seed: 0 };
  }
  if (left < frameBytes) return undefined;
  return {
    start: offset + frameBytes,
    length: file.readUInt32BE(offset + 4),
    checksum: file.readUInt32BE(offset + 8),
    seed: crc32(file.subarray(offset + 4, offset + 8)),
  };
}

/** True when all is zero from there on, as a power cut leaves a file whose bytes did not reach the disk. */
const isZero = (file: Buffer, from: number): boolean => file.subarray(from).every((byte) => byte === 0);

/** True when the bodies that the head announces are all there. */
function holdsWhole(rest: Buffer): boolean {
  const headEnd = rest.indexOf(newline);
  if (headEnd < 0) return false;
  try {
    const { events }: RecordHead = JSON.parse(rest.toString('utf8', 0, headEnd));
    return events.reduce((sum, [, , bytes]) => sum + bytes, headEnd + 1) <= rest.length;
  } catch {
    // Its end was reached, and is not what was written.
    return true;
  }
}

/** What a record was written from; its checksum has vouched for the bytes. */
interface RecordHead {
  topic: string;
  events: [id: string, key: string | null, bytes: number][];
}

function decode(rest: Buffer): OutgoingEvent[] {
  const headEnd = rest.indexOf(newline);
  const { topic, events }: RecordHead = JSON.parse(rest.toString('utf8', 0, headEnd));
  let at = headEnd + 1;
  return events.map(([id, key, bytes]) => {
    const body = rest.subarray(at, at + bytes);
    at += bytes;
    return { topic, id, key: key ?? undefined, body };
  });
}
