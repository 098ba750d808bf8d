import { formatPosition, type StoredEvent } from '@hookcast/log';
import { isJson, isJsonContentType } from '@hookcast/protocol';

export type DataEncoding = 'json' | 'text' | 'base64' | 'none';

/**
 * An event as JSON text. JSON data stands in it byte for byte, never parsed and written again; text is a string,
 * everything else base64. `more` adds members after those of the event.
 */
export function eventJson(event: StoredEvent, more: Record<string, unknown> = {}): string {
  const { encoding, text } = dataOf(event);
  const head = {
    id: event.id,
    topic: event.topic,
    position: formatPosition(event.streamId, event.seq),
    publishedAt: event.createdAt.toISOString(),
    type: event.type,
    source: event.source,
    subject: event.subject ?? null,
    time: event.attributes.time ?? event.createdAt.toISOString(),
    attributes: attributesOf(event),
    dataEncoding: encoding,
  };
  const rest = Object.entries(more).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `${JSON.stringify(head).slice(0, -1)},"data":${text}${rest.join('')}}`;
}

/** The context attributes of the event under their CloudEvents names. */
function attributesOf(event: StoredEvent): Record<string, string> {
  const { attributes } = event;
  return {
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    time: attributes.time ?? event.createdAt.toISOString(),
    ...(event.subject !== undefined && { subject: event.subject }),
    ...(event.contentType !== undefined && { datacontenttype: event.contentType }),
    ...(attributes.dataschema !== undefined && { dataschema: attributes.dataschema }),
    ...(event.key !== undefined && { partitionkey: event.key }),
    ...(attributes.traceparent !== undefined && { traceparent: attributes.traceparent }),
    ...(attributes.tracestate !== undefined && { tracestate: attributes.tracestate }),
    ...attributes.extensions,
  };
}

function dataOf({ data, contentType }: StoredEvent): { encoding: DataEncoding; text: string } {
  if (data === undefined) return { encoding: 'none', text: 'null' };
  if (isJsonContentType(contentType) && isJson(data)) return { encoding: 'json', text: data.toString('utf8') };
  const text = isTextType(contentType) ? decoded(data) : undefined;
  return text === undefined
    ? { encoding: 'base64', text: JSON.stringify(data.toString('base64')) }
    : { encoding: 'text', text: JSON.stringify(text) };
}

function isTextType(contentType: string | undefined): boolean {
  return /^(?:text\/|application\/(?:xml|x-www-form-urlencoded|x-ndjson|yaml)\b|[^;]*\+xml\b)/i.test(contentType ?? '');
}

/** Undefined for bytes that are not UTF-8, which JSON could not carry unchanged. */
function decoded(data: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return undefined;
  }
}
