import { jsonError } from './json-slice.js';
import { charsetOf, isJsonContentType } from './media-type.js';

/** The bytes of an event's data, or why there are none. */
export type EventData = { kind: 'read'; bytes: Buffer } | { kind: 'refused'; detail: string };

/**
 * The data that a `data` member stands for (CloudEvents JSON format 1.0.2 §3.1): its own text when the data is JSON,
 * which it is unless a media type says otherwise; else the content of its string, in UTF-8.
 */
export function dataFromMember(member: Buffer, contentType: string | undefined): EventData {
  if (contentType === undefined || isJsonContentType(contentType)) return { kind: 'read', bytes: member };
  const value: unknown = JSON.parse(member.toString('utf8'));
  if (typeof value !== 'string') return refused(`must be a string or data_base64, since it is ${contentType}`);
  if (/\p{Surrogate}/u.test(value)) return refused('must not hold lone surrogates');
  // A string's characters are known but not their bytes; to guess UTF-8 against the media type would garble them.
  if (!isUtf8Charset(charsetOf(contentType))) return refused('must be data_base64, since its charset is not UTF-8');
  return { kind: 'read', bytes: Buffer.from(value, 'utf8') };
}

/** The data that `data_base64` stands for. */
export function dataFromBase64(text: string, contentType: string | undefined): EventData {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return refused('must be padded standard base64');
  return dataFromBytes(Buffer.from(text, 'base64'), contentType);
}

/** Data as it is, but refused when its media type says JSON and it is none. */
export function dataFromBytes(bytes: Buffer, contentType: string | undefined): EventData {
  const detail = isJsonContentType(contentType) ? jsonError(bytes) : undefined;
  return detail === undefined ? { kind: 'read', bytes } : refused(detail);
}

const refused = (detail: string): EventData => ({ kind: 'refused', detail });

function isUtf8Charset(charset: string | undefined): boolean {
  return charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii';
}
