import { isEventId, isJsonContentType, isTimestamp, type CloudEvent } from '@hookcast/protocol';
import { memberText } from './json-member.js';

/** An event whose data has been parsed along with its envelope. */
export interface PlainEvent {
  event: CloudEvent;
  value: unknown;
}

/**
 * Reads a structured event of JSON data, as nearly all are, with a single JSON.parse; the exact bytes of its data are only
 * looked for when somebody asks. Undefined for everything that is unusual or wrong, which the whole reader decides.
 */
export function parsePlainEnvelope(body: Buffer): PlainEvent | undefined {
  const json = parseObject(body);
  if (json === undefined) return undefined;
  const { id, source, type, datacontenttype, data: value } = json;
  if (json['specversion'] !== '1.0' || !isText(source) || !isText(type) || !isText(datacontenttype)) return undefined;
  if (!isText(id) || !isEventId(id) || !hasPlainData(datacontenttype, value)) return undefined;
  const extensions: Record<string, string> = {};
  const event: CloudEvent = {
    id,
    source,
    type,
    datacontenttype,
    extensions,
    get data() {
      return memberText(body, 'data') ?? body;
    },
  };
  return takeRest(json, event, extensions) ? { event, value } : undefined;
}

const hasPlainData = (contentType: string, value: unknown): boolean =>
  isJsonContentType(contentType) && value !== undefined && value !== null;

/** Takes the attributes that not every event has; false when one is not plain. */
function takeRest(json: Record<string, unknown>, event: CloudEvent, extensions: Record<string, string>): boolean {
  for (const name in json) {
    if (isTaken.has(name)) continue;
    const text = json[name];
    if (!isText(text) || !takeOne(name, text, event, extensions)) return false;
  }
  return true;
}

function takeOne(name: string, text: string, event: CloudEvent, extensions: Record<string, string>): boolean {
  if (name === 'time') {
    event.time = text;
    return isTimestamp(text);
  }
  if (name === 'subject') event.subject = text;
  else if (name === 'dataschema') event.dataschema = text;
  else if (extensionName.test(name)) extensions[name] = text;
  else return false;
  return true;
}

/** `data_base64` is no name of an extension, so an event that has it is not plain. */
const extensionName = /^[a-z0-9]{1,64}$/;
const isTaken: ReadonlySet<string> = new Set(['specversion', 'id', 'source', 'type', 'datacontenttype', 'data']);

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
