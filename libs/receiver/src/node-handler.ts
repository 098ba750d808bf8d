import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HookAnswer } from './hook-answer.js';
import { rawBodyOf } from './raw-body.js';
import type { HookEndpoint } from './hook-endpoint.js';

/** Answers a request of node:http, or of a framework whose requests are those of node:http. */
export async function answerNode(
  endpoint: HookEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request;
  const body = await bodyOf(endpoint, request);
  const answer =
    body.kind === 'refused' ? endpoint.refuse(body) : await endpoint.handle({ method, headers, body: body.bytes });
  sendAnswer(response, answer);
}

const none = { kind: 'read' as const, bytes: Buffer.alloc(0) };

const bodyOf = async (endpoint: HookEndpoint, request: IncomingMessage) =>
  request.method === 'POST' ? rawBodyOf(request, endpoint.maxBodyBytes) : none;

export function sendAnswer(response: ServerResponse, { status, headers, body }: HookAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, headers).end(body);
}
