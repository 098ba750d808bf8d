import type { IncomingMessage } from 'node:http';
import { refused, type Refusal } from './hook-request-error.js';

export type RawBody = { kind: 'read'; bytes: Buffer } | Refusal;

/** Where frameworks leave a body that they have read. */
export interface ParsedRequest extends IncomingMessage {
  rawBody?: unknown;
  body?: unknown;
}

/** The bytes of a request's body: those a framework has kept, or else read from the connection, up to `maxBytes`. */
export async function rawBodyOf(request: ParsedRequest, maxBytes: number): Promise<RawBody> {
  const kept = [request.rawBody, request.body].find((body) => body instanceof Uint8Array);
  if (kept !== undefined) return kept.length > maxBytes ? tooLarge(maxBytes) : { kind: 'read', bytes: bufferOf(kept) };
  if (request.readableDidRead) {
    return refused(
      'body-consumed',
      'The body was parsed before the receiver saw it, so its signature cannot be checked: ' +
        'mount the receiver before express.json() and its like, or keep the raw bytes in request.rawBody.',
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes);
  return readAll(request, maxBytes);
}

async function readAll(request: IncomingMessage, maxBytes: number): Promise<RawBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBytes) return;
      request.off('data', take);
      request.pause();
      resolve(tooLarge(maxBytes));
    };
    const cutShort = () => resolve(refused('body-incomplete', 'The connection ended before the body did.'));
    request.on('data', take);
    request.once('end', () => resolve({ kind: 'read', bytes: Buffer.concat(chunks, length) }));
    request.once('error', cutShort);
    request.once('close', cutShort);
  });
}

export const tooLarge = (maxBytes: number): Refusal =>
  refused('too-large', `The body has more than ${maxBytes} bytes.`);

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
