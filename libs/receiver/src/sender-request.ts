import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { RawRequest } from '@hookcast/sources';
import { rawBodyOf, takenBody, type ParsedRequest, type RawBody } from './raw-body.js';
import { SenderRequestError } from './sender-request-error.js';

/**
 * A request in any of these forms: one of node:http, Express or the like, whose body is unread or whose raw bytes are in
 * `rawBody` or in a Buffer `body`; a `Request` of the Fetch standard; or its parts, for everything else.
 */
export type SenderRequest = IncomingMessage | Request | RawRequest;

/** The parts of a request, with the bytes that were signed. @throws {SenderRequestError} when they cannot be had */
export async function rawRequestOf(request: SenderRequest, maxBytes: number): Promise<RawRequest> {
  if ('rawHeaders' in request) return fromNode(request, maxBytes);
  if ('arrayBuffer' in request) return fromFetch(request, maxBytes);
  if (request.body.length > maxBytes) throw tooLarge(maxBytes);
  return request;
}

async function fromNode(request: ParsedRequest & { originalUrl?: string }, maxBytes: number): Promise<RawRequest> {
  // A parser has decoded what it kept; what is still to be read comes as it was sent.
  const isDecoded = [request.rawBody, request.body].some((kept) => kept instanceof Uint8Array);
  const body = await bodyOf(request, maxBytes);
  return {
    method: request.method ?? '',
    // Routers cut the path in `url`.
    url: request.originalUrl ?? request.url ?? '/',
    headers: pairs(request.rawHeaders),
    body: isDecoded ? body : await decoded(body, request.headers['content-encoding'], maxBytes),
  };
}

async function bodyOf(request: ParsedRequest, maxBytes: number): Promise<Buffer> {
  const taken = takenBody(request);
  if (taken === undefined) return hasBody(request) ? bytesOf(await rawBodyOf(request, maxBytes)) : Buffer.alloc(0);
  const bytes = bytesOf(taken);
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function bytesOf(body: RawBody): Buffer {
  if (body.kind === 'read') return body.bytes;
  const { reason, detail } = body;
  if (reason === 'body-consumed') throw new SenderRequestError(detail, { reason, status: 500 });
  if (reason === 'too-large') throw new SenderRequestError(detail, { reason, status: 413 });
  throw incomplete(detail);
}

const pairs = (lines: readonly string[]): [name: string, value: string][] =>
  lines.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, lines[index + 1] ?? '']] : []));

async function fromFetch(request: Request, maxBytes: number): Promise<RawRequest> {
  if (request.bodyUsed) {
    throw new SenderRequestError('Something read the body before, so its signature cannot be checked.', {
      reason: 'body-consumed',
      status: 500,
    });
  }
  const { method, url, headers } = request;
  const sent = await readStream(request.body, maxBytes);
  const body = await decoded(sent, headers.get('content-encoding') ?? undefined, maxBytes);
  return { method, url, headers: [...headers], body };
}

async function readStream(stream: AsyncIterable<Uint8Array> | null, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of unbroken(stream ?? [])) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
  }
  return Buffer.concat(chunks, length);
}

/** The chunks, with a broken connection as a refusal. */
async function* unbroken(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch {
    throw incomplete('The connection ended before the body did.');
  }
}

const decoders = new Map<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** Senders sign what the encoding is put around. */
async function decoded(body: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  if (encoding === undefined || encoding === '' || encoding.toLowerCase() === 'identity') return body;
  const decode = decoders.get(encoding.toLowerCase());
  if (decode === undefined) {
    const refusal = { reason: 'unsupported-media-type' as const, status: 415 };
    throw new SenderRequestError(`The body is encoded as "${encoding}".`, refusal);
  }
  try {
    return await decode(body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    throw isTooLarge ? tooLarge(maxBytes) : incomplete(`The body is not ${encoding}.`);
  }
}

const tooLarge = (maxBytes: number): SenderRequestError =>
  new SenderRequestError(`The body has more than ${maxBytes} bytes.`, { reason: 'too-large', status: 413 });

const incomplete = (message: string): SenderRequestError =>
  new SenderRequestError(message, { reason: 'body-incomplete', status: 400 });
