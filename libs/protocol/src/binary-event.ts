import type { CloudEvent, EventDefaults, ParseError, ParseResult } from './cloud-event.js';
import { dataFromBytes } from './event-data.js';
import { EventDraft, type Report } from './event-draft.js';
import { decodeHeaderValue, encodeHeaderValue, type HeaderValues } from './header-value.js';
import { isJsonContentType } from './media-type.js';

const prefix = 'ce-';

/**
 * Reads an event in binary form (CloudEvents HTTP binding 1.0.2 §3.1): the body is the data, Content-Type its media
 * type, `ce-*` headers the other attributes. `ce-specversion` may be left out. Any other header is ignored. Errors point
 * at the header, `/ce-time`, or at the body, ''.
 *
 * An empty body is no data when there is no Content-Type or it says JSON, and else data of no bytes.
 *
 * @param headers names in lower case, as node:http gives them
 */
export function parseBinary(
  headers: HeaderValues,
  body: Buffer,
  defaults: EventDefaults = {},
): ParseResult<CloudEvent> {
  const errors: ParseError[] = [];
  const report: Report = (attribute, detail) => {
    const pointer = pointerTo(attribute);
    if (!errors.some((error) => error.pointer === pointer)) errors.push({ pointer, detail });
  };
  const draft = new EventDraft(report);
  readHeaders(headers, draft, errors);
  const contentType = headers['content-type'];
  if (Array.isArray(contentType)) report('datacontenttype', 'is given twice');
  else if (contentType !== undefined) draft.give('datacontenttype', contentType);
  draft.data = readBody(body, draft.datacontenttype, report);
  const event = draft.finish(defaults, 0);
  return errors.length > 0 ? { kind: 'malformed', errors } : { kind: 'ok', value: event };
}

/** Writes an event in binary form, to be sent as it stands: the body is the data itself, not a copy. */
export function formatBinary(event: CloudEvent): { headers: Record<string, string>; body: Buffer } {
  const headers: Record<string, string> = {
    'ce-specversion': '1.0',
    'ce-id': encodeHeaderValue(event.id),
    'ce-source': encodeHeaderValue(event.source),
    'ce-type': encodeHeaderValue(event.type),
  };
  if (event.subject !== undefined) headers['ce-subject'] = encodeHeaderValue(event.subject);
  if (event.time !== undefined) headers['ce-time'] = encodeHeaderValue(event.time);
  if (event.dataschema !== undefined) headers['ce-dataschema'] = encodeHeaderValue(event.dataschema);
  for (const [name, value] of Object.entries(event.extensions)) headers[prefix + name] = encodeHeaderValue(value);
  if (event.datacontenttype !== undefined) headers['content-type'] = event.datacontenttype;
  return { headers, body: event.data ?? Buffer.alloc(0) };
}

function readHeaders(headers: HeaderValues, draft: EventDraft, errors: ParseError[]): void {
  for (const header in headers) {
    const value = headers[header];
    if (value === undefined || !header.startsWith(prefix)) continue;
    const name = header.slice(prefix.length);
    const text = typeof value === 'string' ? decodeHeaderValue(value) : undefined;
    const detail = headerError(name, value, text);
    if (detail !== undefined) errors.push({ pointer: `/${header}`, detail });
    else if (text !== undefined) draft.give(name, text);
  }
}

function headerError(name: string, value: string | string[], text: string | undefined): string | undefined {
  if (name === 'datacontenttype') return 'is not a header: Content-Type carries it';
  if (typeof value !== 'string') return 'is given twice';
  return text === undefined ? 'must be percent-encoded UTF-8' : undefined;
}

function readBody(body: Buffer, contentType: string | undefined, report: Report): Buffer | undefined {
  if (body.length === 0 && (contentType === undefined || isJsonContentType(contentType))) return undefined;
  const data = dataFromBytes(body, contentType);
  if (data.kind === 'read') return data.bytes;
  report(undefined, data.detail);
  return undefined;
}

function pointerTo(attribute: string | undefined): string {
  if (attribute === undefined) return '';
  return attribute === 'datacontenttype' ? '/content-type' : `/${prefix}${attribute}`;
}
