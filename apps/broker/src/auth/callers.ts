import type { IncomingMessage } from 'node:http';
import type { Principal } from './scope.js';

const callers = new WeakMap<IncomingMessage, Principal>();

/** Says who is behind a request, once that is known. */
export function setCaller(request: IncomingMessage, principal: Principal): void {
  callers.set(request, principal);
}

/** Who is behind a request; undefined on a public route. */
export function callerOf(request: IncomingMessage): Principal | undefined {
  return callers.get(request);
}
