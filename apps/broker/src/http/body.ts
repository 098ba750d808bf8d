import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.js';

/** A refused body is still read for a while, so that the caller gets to see the answer instead of a reset. */
const discardBytes = 32 * 1024 * 1024;
const discardMs = 5_000;

/**
 * Reads a whole body, never holding more than `maxBytes`. A Content-Length above the limit is refused before
 * anything is read.
 *
 * @throws Problem payload-too-large, body-incomplete or unsupported-media-type (for a content encoding)
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Problem('unsupported-media-type', { detail: `Content-Encoding "${encoding}" is not understood.` });
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return collect(request, maxBytes);
}

/**
 * Reads the bytes as they come, whatever their encoding.
 *
 * @throws Problem payload-too-large or body-incomplete
 */
export async function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      request.off('data', take);
      discard(request);
      reject(tooLarge(maxBytes));
    };
    const broken = () => reject(new Problem('body-incomplete'));
    request.on('data', take);
    request.once('end', () => {
      // 'close' comes behind 'end', and an error with its stack for every request would cost more than reading it.
      request.off('close', broken);
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes));
    });
    request.once('error', broken);
    request.once('close', broken);
    if (request.readableEnded || request.destroyed) broken();
  });
}

function discard(request: IncomingMessage): void {
  let left = discardBytes;
  const timer = setTimeout(() => request.destroy(), discardMs).unref();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('payload-too-large', { detail: `At most ${maxBytes} bytes are accepted here.` });
}
