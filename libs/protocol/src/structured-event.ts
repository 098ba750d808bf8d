import type { BatchDefaults, CloudEvent, EventDefaults, ParseResult } from './cloud-event.js';
import { EnvelopeReader } from './envelope-reader.js';
import { byteOf, describeSyntaxError, skipSpace } from './json-slice.js';

const defaultMaxEvents = 1000;

/**
 * Reads one event in the JSON format (`application/cloudevents+json`). The data is a slice of `body`, never parsed and
 * written again, and shares its memory. Errors point at the attribute: `/id`.
 */
export function parseStructured(body: Buffer, defaults: EventDefaults = {}): ParseResult<CloudEvent> {
  const reader = new EnvelopeReader(body, defaults);
  const result = finish(reader, body, reader.readEvent(skipSpace(body, 0)));
  if (result.kind === 'malformed') return result;
  const [event] = result.value;
  if (event === undefined) throw new Error('A well-formed structured body yields an event.');
  return { kind: 'ok', value: event };
}

/**
 * Reads a batch (`application/cloudevents-batch+json`): an array of 1 to `maxEvents` events, all of them or none.
 * Errors point into the array: `/3/id`.
 *
 * @param limits.maxEvents default 1000
 */
export function parseBatch(
  body: Buffer,
  limits: { maxEvents?: number } = {},
  defaults: BatchDefaults = {},
): ParseResult<CloudEvent[]> {
  const reader = new EnvelopeReader(body, defaults);
  return finish(reader, body, readBatch(reader, body, limits.maxEvents ?? defaultMaxEvents));
}

/** Returns the offset after the array, or `~offset` where the text stops being JSON. */
function readBatch(reader: EnvelopeReader, body: Buffer, maxEvents: number): number {
  const open = skipSpace(body, 0);
  if (body[open] !== byteOf.openBracket) return reader.refuse(open, undefined, 'must be an array of events');
  let at = skipSpace(body, open + 1);
  if (body[at] === byteOf.closeBracket) return reader.refuse(open, undefined, `must hold 1 to ${maxEvents} events`);
  for (let index = 0; index < maxEvents; index++) {
    const end = reader.readEvent(at, index);
    if (end < 0) return end;
    at = skipSpace(body, end);
    if (body[at] === byteOf.closeBracket) return at + 1;
    if (body[at] !== byteOf.comma) return ~at;
    at = skipSpace(body, at + 1);
  }
  // The rest is left unread, JSON or not: its size is the caller's to limit, the work is not.
  reader.reportBody(`must hold 1 to ${maxEvents} events`);
  return body.length;
}

function finish(reader: EnvelopeReader, body: Buffer, end: number): ParseResult<CloudEvent[]> {
  const rest = end < 0 ? ~end : skipSpace(body, end);
  if (end < 0 || rest < body.length) {
    const pointer = end < 0 ? reader.pointer : '';
    return { kind: 'malformed', errors: [{ pointer, detail: describeSyntaxError(body, rest) }] };
  }
  return reader.errors.length > 0 ? { kind: 'malformed', errors: reader.errors } : { kind: 'ok', value: reader.events };
}
