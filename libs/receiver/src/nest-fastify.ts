import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HookEndpoint, HookRequest } from './hook-endpoint.js';
import { sendAnswer } from './node-handler.js';
import { rawBodyOf } from './raw-body.js';

/** What is needed of a Fastify instance. */
export interface FastifyHooks {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
}

export interface FastifyRequest {
  raw: IncomingMessage;
  /** What Nest keeps of a body that it has parsed, where it is told to. */
  rawBody?: unknown;
  /** Of the route that serves it. */
  routeOptions?: { config?: object } | undefined;
  /** The same in early versions of Fastify 4. */
  routeConfig?: object | undefined;
}

export interface FastifyReply {
  raw: ServerResponse;
  header(name: string, value: string): unknown;
  /** Tells Fastify that the request is answered without it. */
  hijack(): unknown;
}

/** What requests were before {@link takeBytes}. */
const taken = new WeakMap<IncomingMessage, HookRequest>();

/** The request of a hook as it came, when its bytes were taken before. */
export const takenFrom = (request: IncomingMessage): HookRequest | undefined => taken.get(request);

/**
 * Reads the body of a hook's request and keeps it with its headers, of which Fastify must see none that announces a body: it
 * would refuse those types that the application has no parser for, and wait for bytes that are gone.
 */
export async function takeBytes(
  endpoint: HookEndpoint,
  { request: { raw }, reply, next }: { request: FastifyRequest; reply: FastifyReply; next: () => void },
): Promise<void> {
  const body = await rawBodyOf(raw, endpoint.maxBodyBytes);
  if (body.kind === 'refused') return sendAnswer(nodeResponseOf(reply), endpoint.refuse(body));
  taken.set(raw, { method: 'POST', headers: { ...raw.headers }, body: body.bytes });
  hideBody(raw);
  next();
}

/** Fastify sees a request without a body, which it leaves alone. */
export function hideBody({ headers }: IncomingMessage): void {
  for (const name of ['content-type', 'content-length', 'transfer-encoding']) delete headers[name];
}

/** What Fastify wraps around the request, taken off. */
export const nodeRequestOf = (request: IncomingMessage | FastifyRequest): IncomingMessage =>
  'raw' in request ? request.raw : request;

/** The response itself, which Fastify then leaves alone. */
export function nodeResponseOf(response: ServerResponse | FastifyReply): ServerResponse {
  if (!('raw' in response)) return response;
  response.hijack();
  return response.raw;
}
