import { hookHeaders, unescapeWebhookId, type HeaderValues, type ParseResult } from '@hookcast/protocol';
import { parseJsonObject } from './json-body.js';
import { memberText } from './json-member.js';
import { isText, type ReadEvent } from './plain-event.js';

/**
 * Reads the payload that Standard Webhooks suggests, `{"type":…,"timestamp":…,"data":…}`. The data is cut out of the
 * text, since parsing it would round its numbers; with `"data_encoding":"base64"` it is decoded. A payload without `data`
 * is its own data, so that other senders of Standard Webhooks are understood too.
 */
export function parseStandardPayload(headers: HeaderValues, body: Buffer): ParseResult<ReadEvent> {
  const payload = parseJsonObject(body);
  if (payload === undefined) return malformed('', 'must be a JSON object');
  const type = textOf(payload['type']) ?? textOf(headers[hookHeaders.topic]);
  if (type === undefined) return malformed('/type', 'is required');
  const read = withData(payload, body, {
    id: unescapeWebhookId(textOf(headers[hookHeaders.id]) ?? ''),
    source: 'urn:standard-webhooks',
    type,
    extensions: {},
  });
  const time = textOf(payload['timestamp']);
  if (time !== undefined) read.event.time = time;
  return { kind: 'ok', value: read };
}

function withData(
  payload: Record<string, unknown>,
  body: Buffer,
  attributes: Pick<ReadEvent['event'], 'id' | 'source' | 'type' | 'extensions'>,
): ReadEvent {
  if (payload['data_encoding'] === 'base64' && typeof payload['data'] === 'string') {
    const data = Buffer.from(payload['data'], 'base64');
    return { event: { ...attributes, data }, value: data };
  }
  const value = Object.hasOwn(payload, 'data') ? payload['data'] : payload;
  const data = memberText(body, 'data') ?? body;
  return { event: { ...attributes, data, datacontenttype: 'application/json' }, value };
}

const textOf = (value: unknown): string | undefined => (isText(value) ? value : undefined);

const malformed = (pointer: string, detail: string): ParseResult<never> => ({
  kind: 'malformed',
  errors: [{ pointer, detail }],
});
