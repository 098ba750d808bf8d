import type { IncomingMessage } from 'node:http';
import { refused, type Refusal } from './hook-request-error.js';

export type RawBody = { kind: 'read'; bytes: Buffer } | Refusal;

/** Where frameworks leave a body that they have read. */
export interface ParsedRequest extends IncomingMessage {
  rawBody?: unknown;
  body?: unknown;
}

const taken = new WeakMap<IncomingMessage, RawBody>();

/** Reads a body before the framework can, for whoever asks {@link rawBodyOf} later. */
export async function takeBody(request: IncomingMessage, maxBytes: number): Promise<void> {
  taken.set(request, await readAll(request, maxBytes));
}

export const takenBody = (request: IncomingMessage): RawBody | undefined => taken.get(request);

/** The bytes of a request's body: those a framework has kept, or else read from the connection, up to `maxBytes`. */
export async function rawBodyOf(request: ParsedRequest, maxBytes: number): Promise<RawBody> {
  const kept = [request.rawBody, request.body].find((body) => body instanceof Uint8Array);
  if (kept !== undefined) return kept.length <= maxBytes ? { kind: 'read', bytes: bufferOf(kept) } : tooLarge(maxBytes);
  if (request.readableDidRead) {
    return refused(
      'body-consumed',
      'The body was parsed before the receiver saw it, so its signature cannot be checked: ' +
        'mount the receiver before express.json() and its like, or keep the raw bytes in request.rawBody.',
    );
  }
  // Its end has been told already, and would be waited for without end.
  if (request.destroyed) return cutShort;
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
    request.on('data', take);
    request.once('end', () => resolve({ kind: 'read', bytes: Buffer.concat(chunks, length) }));
    request.once('error', () => resolve(cutShort));
    request.once('close', () => resolve(cutShort));
  });
}

const cutShort = refused('body-incomplete', 'The connection ended before the body did.');

export const tooLarge = (maxBytes: number): Refusal =>
  refused('too-large', `The body has more than ${maxBytes} bytes.`);

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
