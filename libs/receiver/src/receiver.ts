import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerFetch } from './fetch-handler.js';
import type { HookAnswer } from './hook-answer.js';
import { HookEndpoint, type HookRequest, type ReceiverOptions } from './hook-endpoint.js';
import { answerNode } from './node-handler.js';

/** One hook endpoint, for whichever HTTP server there is. Its functions may be handed on as they are. */
export interface Receiver {
  /** Verifies a request, runs the handlers of its events and says what to answer. Never rejects. */
  readonly handle: (request: HookRequest) => Promise<HookAnswer>;
  /**
   * For node:http, Express and what is like them. Reads the body itself, or takes `rawBody` or a Buffer in `body`; when a
   * parser before it consumed the body and kept no bytes it answers 500 and tells `onRefused`.
   */
  readonly node: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: (request: Request) => Promise<Response>;
}

/**
 * Creates a hook endpoint.
 *
 * @example
 * const receiver = createReceiver({
 *   secrets: [secret],
 *   on: { 'orders.created': async (order: Order, { id }) => invoices.write(id, order) },
 * });
 * app.use('/hooks', receiver.node); // before express.json()
 *
 * @throws {SecretError} when a key is not in its textual form
 * @throws {RangeError} when a pattern is none, or a limit no number
 * @throws {TypeError} when there is neither a key nor a registration
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  const endpoint = new HookEndpoint(options);
  return {
    handle: (request) => endpoint.handle(request),
    node: (request, response) => answerNode(endpoint, request, response),
    fetch: (request) => answerFetch(endpoint, request),
  };
}
