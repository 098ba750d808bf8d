import type { IncomingMessage } from 'node:http';
import { confineRequest } from './namespace.js';
import type { Principal } from './scope.js';

const callers = new WeakMap<IncomingMessage, Principal>();

/** Says who is behind a request, once that is known, and confines the request to the caller's namespace. */
export function setCaller(request: IncomingMessage, principal: Principal): void {
  callers.set(request, principal);
  confineRequest(principal.namespace);
}

/** Who is behind a request of a route that needs a scope. */
export function knownCaller(request: IncomingMessage): Principal {
  const caller = callers.get(request);
  if (!caller) throw new Error('The request has no caller.');
  return caller;
}

/** Who is behind a request; undefined on a public route. */
export function callerOf(request: IncomingMessage): Principal | undefined {
  return callers.get(request);
}
