import { crc32 } from 'node:zlib';
import type { OutgoingEvent } from './outgoing-event.js';

/*
 * A record holds the events of one call, so that a batch stays whole:
 *
 *   length of the rest  u32 big-endian
 *   CRC-32 of the rest  u32 big-endian
 *   {"topic":…,"events":[[id, key or null, bytes of the body], …]}\n
 *   the bodies, one after the other
 */

const frameBytes = 8;
const newline = 0x0a;

/** More than any call can hold; a length beyond it is no length. */
const maxRecordBytes = 64 * 1024 * 1024;

/** What stands at a place of a spool file. */
export type RecordReading =
  | { kind: 'record'; events: OutgoingEvent[]; end: number }
  | { kind: 'end' }
  /** The file ends within the record: it was being written when the process died. */
  | { kind: 'torn' }
  /** The bytes are not those that were written. */
  | { kind: 'damaged' };

export function encodeRecord(events: readonly OutgoingEvent[]): Buffer {
  const head = {
    topic: events[0]?.topic,
    events: events.map(({ id, key, body }) => [id, key ?? null, body.length]),
  };
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...events.map(({ body }) => body)]);
  const frame = Buffer.alloc(frameBytes);
  frame.writeUInt32BE(rest.length, 0);
  frame.writeUInt32BE(crc32(rest), 4);
  return Buffer.concat([frame, rest]);
}

/** Reads the record at `offset`. */
export function readRecord(file: Buffer, offset: number): RecordReading {
  if (offset === file.length) return { kind: 'end' };
  if (file.length - offset < frameBytes) return { kind: 'torn' };
  const length = file.readUInt32BE(offset);
  if (length > maxRecordBytes) return { kind: 'damaged' };
  const start = offset + frameBytes;
  if (file.length - start < length) return { kind: 'torn' };
  const rest = file.subarray(start, start + length);
  if (crc32(rest) !== file.readUInt32BE(offset + 4)) return { kind: 'damaged' };
  return { kind: 'record', events: decode(rest), end: start + length };
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
