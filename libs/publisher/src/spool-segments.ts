import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord } from './spool-record.js';

/** A place in a spool: everything before it has been taken by the broker. */
export interface SpoolPosition {
  segment: number;
  offset: number;
}

/** One file of a spool, as far as it is whole. */
export interface Segment {
  number: number;
  bytes: number;
}

/** What a spool directory held when it was opened. */
export interface Recovered {
  position: SpoolPosition;
  segments: Segment[];
  events: number;
  /** Files that bytes were moved to because they are not those that were written. */
  damaged: string[];
}

const suffix = '.spool';
const segmentName = /^(\d{8})\.spool$/;

export const segmentPath = (directory: string, segment: number): string =>
  join(directory, String(segment).padStart(8, '0') + suffix);

export const positionPath = (directory: string): string => join(directory, 'position.json');

/** Finds what is left in a spool, and cuts off the record that a dying process was writing. */
export function recoverSegments(directory: string): Recovered {
  const position = readPosition(directory);
  const recovered: Recovered = { position, segments: [], events: 0, damaged: [] };
  const numbers = readdirSync(directory).flatMap((name) => {
    const number = segmentName.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  for (const number of numbers.toSorted((a, b) => a - b)) {
    if (number < position.segment) rmSync(segmentPath(directory, number), { force: true });
    else recoverSegment(directory, number, recovered);
  }
  return recovered;
}

function recoverSegment(directory: string, number: number, recovered: Recovered): void {
  const path = segmentPath(directory, number);
  const file = readFileSync(path);
  let at = number === recovered.position.segment ? Math.min(recovered.position.offset, file.length) : 0;
  for (let reading = readRecord(file, at); reading.kind !== 'end'; reading = readRecord(file, at)) {
    if (reading.kind === 'record') {
      at = reading.end;
      recovered.events += reading.events.length;
      continue;
    }
    // Nobody was told that a torn record is safe; what is damaged may have been, so it is kept for whoever can read it.
    if (reading.kind === 'damaged') {
      writeFileSync(`${path}.damaged`, file.subarray(at));
      recovered.damaged.push(`${path}.damaged`);
    }
    truncateSync(path, at);
    break;
  }
  recovered.segments.push({ number, bytes: at });
}

function readPosition(directory: string): SpoolPosition {
  try {
    const position: SpoolPosition = JSON.parse(readFileSync(positionPath(directory), 'utf8'));
    return position;
  } catch {
    // None yet. A position that is lost costs repeated publishes, which the broker knows by their ids.
    return { segment: 0, offset: 0 };
  }
}
