import { isAttributeName } from './attribute.js';
import type { CloudEvent, EventDefaults, ParseError, ParseResult } from './cloud-event.js';
import { dataFromBytes } from './event-data.js';
import { finishEvent, type EventDraft, type Report } from './event-draft.js';
import { decodeHeaderValue, encodeHeaderValue } from './header-value.js';
import { isJsonContentType } from './media-type.js';

const prefix = 'ce-';

/** The attributes the HTTP binding gives no `ce-` header: the Content-Type carries one, the body the other two. */
const elsewhere = new Set(['datacontenttype', 'data']);

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
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Buffer,
  defaults: EventDefaults = {},
): ParseResult<CloudEvent> {
  const errors: ParseError[] = [];
  const report: Report = (attribute, detail) => {
    const pointer = pointerTo(attribute);
    if (!errors.some((error) => error.pointer === pointer)) errors.push({ pointer, detail });
  };
  const draft: EventDraft = { index: 0, attributes: readHeaders(headers, errors), data: undefined };
  const contentType = headers['content-type'];
  if (Array.isArray(contentType)) report('datacontenttype', 'is given twice');
  else draft.attributes.set('datacontenttype', contentType);
  draft.data = readBody(body, draft.attributes.get('datacontenttype'), report);
  const event = finishEvent(draft, defaults, report);
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

function readHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  errors: ParseError[],
): Map<string, string | undefined> {
  const attributes = new Map<string, string | undefined>();
  for (const header in headers) {
    const value = headers[header];
    if (value === undefined || !header.startsWith(prefix)) continue;
    const name = header.slice(prefix.length);
    const decoded = headerAttribute(name, value);
    if (decoded.kind === 'read') attributes.set(name, decoded.text);
    else errors.push({ pointer: `/${header}`, detail: decoded.detail });
  }
  return attributes;
}

function headerAttribute(
  name: string,
  value: string | string[],
): { kind: 'read'; text: string } | { kind: 'refused'; detail: string } {
  if (elsewhere.has(name)) return { kind: 'refused', detail: 'is not a header: Content-Type and the body carry it' };
  if (!isAttributeName(name)) {
    return { kind: 'refused', detail: 'is not an attribute name: only lower-case letters and digits' };
  }
  if (typeof value !== 'string') return { kind: 'refused', detail: 'is given twice' };
  const text = decodeHeaderValue(value);
  return text === undefined ? { kind: 'refused', detail: 'must be percent-encoded UTF-8' } : { kind: 'read', text };
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
