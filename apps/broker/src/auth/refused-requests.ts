import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Refusals } from '../audit/refusals.js';
import { requestIdOf } from '../http/request-id.js';
import { unauthenticated, type Authentication } from './authenticator.js';
import { defaultNamespace } from './namespace.js';
import type { Principal } from './scope.js';
import type { Problem } from '../http/problem.js';

/** A request and what it wanted, as the audit log names it. */
export interface Attempt {
  request: IncomingMessage;
  response: ServerResponse;
  action: string;
  target: string;
}

/** Tells the audit log who was not let in. */
@Injectable()
export class RefusedRequests {
  constructor(private readonly refusals: Refusals) {}

  /** Not the path: whoever has no key could fill the log with made-up ones. */
  stranger(
    { request, response }: Pick<Attempt, 'request' | 'response'>,
    { reason, keyId }: Extract<Authentication, { kind: 'refused' }>,
  ): Problem {
    this.refusals.add({
      ...origin(request, response),
      // A stranger is nobody's: the operator hears of it.
      namespace: defaultNamespace,
      keyId: 'anonymous',
      keyName: 'anonymous',
      action: 'authenticate',
      target: keyId === undefined ? 'key' : `key/${keyId}`,
      outcome: 'unauthenticated',
      detail: reason,
    });
    return unauthenticated(reason);
  }

  refused({ request, response, action, target }: Attempt, caller: Principal, problem: Problem): Problem {
    this.refusals.add({
      ...origin(request, response),
      namespace: caller.namespace,
      keyId: caller.keyId,
      keyName: caller.name,
      action,
      target,
      outcome: problem.code,
      detail: problem.message,
    });
    return problem;
  }
}

function origin(request: IncomingMessage, response: ServerResponse) {
  return {
    method: request.method ?? '',
    requestId: requestIdOf(response),
    address: request.socket.remoteAddress ?? null,
  };
}
