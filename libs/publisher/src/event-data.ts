import { isJsonContentType, jsonError } from '@hookcast/protocol';
import { PublishError } from './publish-error.js';

/** The data of an event and its media type, named as in a CloudEvent. */
export interface EncodedData {
  data?: Buffer;
  /** In place of `data`: JSON that is not written down yet. */
  json?: string;
  datacontenttype?: string;
}

/**
 * Turns the `data` argument of `publish()` into bytes or JSON. Bytes, and text that comes with a content type, are taken as
 * they are; every other value is written as JSON; `undefined` is an event without data.
 *
 * @throws {PublishError} `invalid-event` for a value that JSON cannot hold, and for a content type that contradicts it
 */
export function encodeData(data: unknown, contentType: string | undefined): EncodedData {
  if (data === undefined) return contentType === undefined ? {} : { datacontenttype: contentType };
  if (data instanceof Uint8Array) return asGiven(bufferOf(data), contentType ?? 'application/octet-stream');
  if (typeof data === 'string' && contentType !== undefined) return asGiven(Buffer.from(data, 'utf8'), contentType);
  if (contentType !== undefined && !isJsonContentType(contentType)) {
    throw invalid(`Data of type ${contentType} is given as a string or as bytes; other values are JSON.`);
  }
  return { json: jsonText(data), datacontenttype: contentType ?? 'application/json' };
}

/** Broken JSON is told here: the broker would refuse the request, and with it the events of other callers. */
function asGiven(data: Buffer, datacontenttype: string): EncodedData {
  const detail = isJsonContentType(datacontenttype) ? jsonError(data) : undefined;
  if (detail !== undefined) throw invalid(`The data is not the JSON that ${datacontenttype} announces: ${detail}.`);
  return { data, datacontenttype };
}

function jsonText(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new PublishError('invalid-event', 'The data cannot be written as JSON.', { cause });
  }
  if (text === undefined) throw invalid('The data cannot be written as JSON.');
  return text;
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const invalid = (message: string): PublishError => new PublishError('invalid-event', message);
