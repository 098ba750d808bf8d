import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRecord, readRecord } from './spool-record.js';

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

/** Finds what is left in a spool, cuts off the record that a dying process was writing, and sets damaged bytes aside. */
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
  const from = number === recovered.position.segment ? Math.min(recovered.position.offset, file.length) : 0;
  const { sound, damaged, events } = surveyRecords(file, from);
  // Nobody was told that a torn record is safe; what is damaged may have been, so it is kept for whoever can read it.
  if (damaged.length > 0) recovered.damaged.push(keepDamaged(path, Buffer.concat(damaged)));
  const bytes = sound.reduce((sum, part) => sum + part.length, 0);
  if (sound.length > 1) replaceFile(path, Buffer.concat(sound));
  else if (bytes < file.length) truncateSync(path, bytes);
  recovered.events += events;
  recovered.segments.push({ number, bytes });
}

interface Survey {
  /** What is to stay, in order; the first part is the beginning of the file, so that a position before it stays true. */
  sound: Buffer[];
  damaged: Buffer[];
  events: number;
}

/** Tells whole records from what is between them. */
function surveyRecords(file: Buffer, from: number): Survey {
  const survey: Survey = { sound: [], damaged: [], events: 0 };
  let [at, soundFrom] = [from, 0];
  for (let reading = readRecord(file, at); reading.kind !== 'end'; reading = readRecord(file, at)) {
    if (reading.kind === 'record') {
      at = reading.end;
      survey.events += reading.events.length;
      continue;
    }
    survey.sound.push(file.subarray(soundFrom, at));
    const next = findRecord(file, at + 1);
    if (next !== undefined || reading.kind === 'damaged') survey.damaged.push(file.subarray(at, next));
    if (next === undefined) return survey;
    [at, soundFrom] = [next, next];
  }
  survey.sound.push(file.subarray(soundFrom, at));
  return survey;
}

/** Under a name of its own: an earlier start may have kept other bytes of this segment. */
function keepDamaged(segment: string, bytes: Buffer): string {
  let path = `${segment}.damaged`;
  for (let copy = 2; existsSync(path) && !readFileSync(path).equals(bytes); copy += 1)
    path = `${segment}.${copy}.damaged`;
  writeFileSync(path, bytes, { flush: true });
  return path;
}

/** In one step: a process that dies on it leaves the old file or the new one. */
function replaceFile(path: string, bytes: Buffer): void {
  writeFileSync(`${path}.new`, bytes, { flush: true });
  renameSync(`${path}.new`, path);
}

function readPosition(directory: string): SpoolPosition {
  try {
    const position: SpoolPosition = JSON.parse(readFileSync(positionPath(directory), 'utf8'));
    if (isPlace(position.segment) && isPlace(position.offset)) return position;
  } catch {
    // None yet, or not in one piece.
  }
  // A position that is lost costs repeated publishes, which the broker knows by their ids.
  return { segment: 0, offset: 0 };
}

const isPlace = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
