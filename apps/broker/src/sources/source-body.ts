import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { collect } from '../http/body.js';
import { Problem } from '../http/problem.js';

/** A body without its content encoding, or why there is none. */
export type SourceBody =
  | { kind: 'read'; body: Buffer }
  | { kind: 'refused'; status: 400 | 413 | 415; reason: 'too-large' | 'body-incomplete' | 'content-encoding' };

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
]);

const tooLarge: SourceBody = { kind: 'refused', status: 413, reason: 'too-large' };
const undecodable: SourceBody = { kind: 'refused', status: 415, reason: 'content-encoding' };

/** Reads a body of any type. The limit holds before and after decompression, so a small bomb stays small. */
export async function readSourceBody(request: IncomingMessage, maxBytes: number): Promise<SourceBody> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const decoder = decoders.get(encoding);
  if (decoder === undefined && encoding !== 'identity') return undecodable;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge;
  const read = await readBytes(request, maxBytes);
  return decoder !== undefined && read.kind === 'read' ? decode(decoder, read.body, maxBytes) : read;
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<SourceBody> {
  try {
    return { kind: 'read', body: await collect(request, maxBytes) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.status === 413 ? tooLarge : { kind: 'refused', status: 400, reason: 'body-incomplete' };
  }
}

async function decode(decoder: Decoder, body: Buffer, maxBytes: number): Promise<SourceBody> {
  try {
    return { kind: 'read', body: await decoder(body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge : undecodable;
  }
}
