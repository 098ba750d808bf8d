import { busExtensions, isEventId, isJsonContentType, type CloudEvent, type HeaderValues } from '@hookcast/protocol';
import { parseJson } from './json-body.js';
import { takeAttribute, type ReadEvent } from './plain-event.js';

const prefix = 'ce-';

/** A name that is cut out of the header's has to be looked up among all texts of the process before it can name a property. */
const names: ReadonlyMap<string, string> = new Map(
  ['time', 'subject', 'dataschema', ...Object.values(busExtensions)].map((name) => [prefix + name, name]),
);

/** A header's value that is the attribute's, without quotes and percent signs to decode. */
const plainValue = /^[\x20\x21\x23\x24\x26-\x7e]+$/;

/**
 * Reads a binary event of JSON data whose headers are plain text, with a single JSON.parse and no scan of its own.
 * Undefined for everything that is unusual or wrong, which the whole reader decides.
 */
export function parsePlainBinary(headers: HeaderValues, body: Buffer): ReadEvent | undefined {
  const { 'ce-id': id, 'ce-source': source, 'ce-type': type, 'content-type': datacontenttype } = headers;
  if (!isPlain(id) || !isEventId(id) || !isPlain(source) || !isPlain(type)) return undefined;
  if (typeof datacontenttype !== 'string' || !isJsonContentType(datacontenttype)) return undefined;
  const json = parseJson(body);
  if (json === undefined) return undefined;
  const extensions: Record<string, string> = {};
  const event: CloudEvent = { id, source, type, datacontenttype, extensions, data: body };
  return takeRest(headers, event, extensions) ? { event, value: json.value } : undefined;
}

function takeRest(headers: HeaderValues, event: CloudEvent, extensions: Record<string, string>): boolean {
  for (const header in headers) {
    if (!header.startsWith(prefix)) continue;
    const text = headers[header];
    if (text === undefined) continue;
    if (!isPlain(text) || !takeHeader(event, extensions, header, text)) return false;
  }
  return true;
}

function takeHeader(event: CloudEvent, extensions: Record<string, string>, header: string, text: string): boolean {
  switch (header) {
    case 'ce-id':
    case 'ce-source':
    case 'ce-type':
      return true;
    case 'ce-specversion':
      return text === '1.0';
    case 'ce-data':
    case 'ce-datacontenttype':
      return false;
    default:
      return takeAttribute(event, extensions, names.get(header) ?? header.slice(prefix.length), text);
  }
}

const isPlain = (value: string | string[] | undefined): value is string =>
  typeof value === 'string' && plainValue.test(value);
