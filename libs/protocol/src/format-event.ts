import type { CloudEvent } from './cloud-event.js';
import { byteOf, isJson } from './json-slice.js';
import { isJsonContentType } from './media-type.js';

const scalarText = /^(?:true|false|-?(?:0|[1-9]\d{0,9}))$/;
const needsNoEscape = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * Writes an event in the JSON format. JSON data stands in it byte for byte; all other data, and data that only claims to
 * be JSON, as `data_base64`.
 */
export function formatStructured(event: CloudEvent): Buffer {
  const head = `{"specversion":"1.0"${attributeMembers(event)}`;
  const { data } = event;
  if (data === undefined) return Buffer.from(`${head}}`);
  if (isJsonData(event, data)) return closeWith(`${head},"data":`, data);
  return Buffer.from(`${head},"data_base64":"${data.toString('base64')}"}`);
}

/**
 * Writes an event whose data is given as JSON text, with one piece of memory for the event: bytes made before it would
 * stand in the same pool, and be kept with it.
 *
 * @param json what JSON.stringify made; the event's own `data` is not looked at
 */
export function formatStructuredJson(event: CloudEvent, json: string): Buffer {
  const head = `{"specversion":"1.0"${attributeMembers(event)},"data":`;
  const body = Buffer.from(`${head}${json}}`);
  const isPlain = isJsonContentType(event.datacontenttype) && isJson(body.subarray(Buffer.byteLength(head), -1));
  return isPlain ? body : formatStructured({ ...event, data: Buffer.from(json) });
}

/** Writes a batch: a JSON array of the events, in order. */
export function formatBatch(events: readonly CloudEvent[]): Buffer {
  return joinBatch(events.map(formatStructured));
}

/** Makes a batch of events that are formatted already. */
export function joinBatch(structured: readonly Buffer[]): Buffer {
  const comma = Buffer.from(',');
  const parts = structured.flatMap((event, index) => (index === 0 ? [event] : [comma, event]));
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}

/**
 * Writes the payload that Standard Webhooks 1.0.0 suggests, `{"type":…,"timestamp":…,"data":…}`. JSON data stands in it
 * byte for byte, other data as a base64 string beside `"data_encoding":"base64"`, no data as null.
 *
 * @param occurredAt the timestamp of an event without `time`, RFC 3339
 */
export function formatStandardPayload(event: CloudEvent, occurredAt?: string): Buffer {
  const time = event.time ?? occurredAt;
  const timestamp = time === undefined ? '' : `,"timestamp":${quote(time)}`;
  const head = `{"type":${quote(event.type)}${timestamp},"data":`;
  const { data } = event;
  if (data === undefined) return Buffer.from(`${head}null}`);
  if (isJsonData(event, data)) return closeWith(head, data);
  return Buffer.from(`${head}"${data.toString('base64')}","data_encoding":"base64"}`);
}

function isJsonData(event: CloudEvent, data: Buffer): boolean {
  return isJsonContentType(event.datacontenttype) && isJson(data);
}

function attributeMembers(event: CloudEvent): string {
  let members = `,"id":${quote(event.id)},"source":${quote(event.source)},"type":${quote(event.type)}`;
  if (event.subject !== undefined) members += `,"subject":${quote(event.subject)}`;
  if (event.time !== undefined) members += `,"time":${quote(event.time)}`;
  if (event.dataschema !== undefined) members += `,"dataschema":${quote(event.dataschema)}`;
  if (event.datacontenttype !== undefined) members += `,"datacontenttype":${quote(event.datacontenttype)}`;
  const { extensions, scalars } = event;
  for (const name in extensions)
    members += `,"${name}":${extensionValue(extensions[name] ?? '', scalars?.includes(name))}`;
  return members;
}

/** CloudEvents 1.0.2, JSON format §2.2: an Integer is a number, a Boolean is one; everything else is a string. */
function extensionValue(text: string, isScalar: boolean | undefined): string {
  return isScalar === true && scalarText.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return needsNoEscape.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Puts the bytes after the text, and a closing brace after them, with one copy of the bytes. */
function closeWith(head: string, bytes: Buffer): Buffer {
  const headSize = Buffer.byteLength(head);
  const joined = Buffer.allocUnsafe(headSize + bytes.length + 1);
  joined.write(head, 'utf8');
  bytes.copy(joined, headSize);
  joined[joined.length - 1] = byteOf.closeBrace;
  return joined;
}
