import type { HookAnswer } from './hook-answer.js';
import { tooLarge, type RawBody } from './raw-body.js';
import { refused } from './hook-request-error.js';
import type { HookEndpoint } from './hook-endpoint.js';

/** Answers a request of a server that speaks the Fetch standard. */
export async function answerFetch(endpoint: HookEndpoint, request: Request): Promise<Response> {
  const { method } = request;
  const headers = Object.fromEntries(request.headers);
  const body = await readBody(request, endpoint.maxBodyBytes);
  return toResponse(
    body.kind === 'refused' ? endpoint.refuse(body) : await endpoint.handle({ method, headers, body: body.bytes }),
  );
}

async function readBody(request: Request, maxBytes: number): Promise<RawBody> {
  if (request.bodyUsed) return refused('body-consumed', 'Something read the body before the receiver.');
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) return tooLarge(maxBytes);
    }
  } catch {
    return refused('body-incomplete', 'The connection ended before the body did.');
  }
  return { kind: 'read', bytes: Buffer.concat(chunks, length) };
}

/** 204 and its like must not have a body, not even an empty one. */
function toResponse({ status, headers, body }: HookAnswer): Response {
  return new Response(body === '' ? null : body, { status, headers });
}
