import {
  hookHeaders,
  unescapeWebhookId,
  type CloudEvent,
  type HeaderValues,
  type ParseResult,
} from '@hookcast/protocol';
import { memberText } from './json-member.js';

/**
 * Reads the payload that Standard Webhooks suggests, `{"type":…,"timestamp":…,"data":…}`. The data is cut out of the
 * text, since parsing it would round its numbers; with `"data_encoding":"base64"` it is decoded. A payload without `data`
 * is its own data, so that other senders of Standard Webhooks are understood too.
 */
export function parseStandardPayload(headers: HeaderValues, body: Buffer): ParseResult<CloudEvent> {
  const payload = parseObject(body);
  if (payload === undefined) return malformed('', 'must be a JSON object');
  const type = textOf(payload['type']) ?? textOf(headers[hookHeaders.topic]);
  if (type === undefined) return malformed('/type', 'is required');
  const event: CloudEvent = {
    id: unescapeWebhookId(textOf(headers[hookHeaders.id]) ?? ''),
    source: 'urn:standard-webhooks',
    type,
    extensions: {},
    ...dataOf(payload, body),
  };
  const time = textOf(payload['timestamp']);
  if (time !== undefined) event.time = time;
  return { kind: 'ok', value: event };
}

function dataOf(payload: Record<string, unknown>, body: Buffer): Pick<CloudEvent, 'data' | 'datacontenttype'> {
  if (payload['data_encoding'] === 'base64' && typeof payload['data'] === 'string') {
    return { data: Buffer.from(payload['data'], 'base64') };
  }
  return { data: memberText(body, 'data') ?? body, datacontenttype: 'application/json' };
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const malformed = (pointer: string, detail: string): ParseResult<never> => ({
  kind: 'malformed',
  errors: [{ pointer, detail }],
});
