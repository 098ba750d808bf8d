import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Problem } from '../http/problem.js';
import type { Authentication, RefusedReason } from './authenticator.js';
import { Credentials } from './credentials.js';
import { FailedKeys } from './failed-attempts.js';
import { KeyQuota } from './key-quota.js';
import { RefusedRequests } from './refused-requests.js';
import type { Principal } from './scope.js';

/** A request and the answer to it. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

const blameless = new Set<RefusedReason>(['no-key', 'no-session', 'expired']);

/** Finds out who is calling, and whether that caller has requests left. */
@Injectable()
export class Admission {
  constructor(
    private readonly credentials: Credentials,
    private readonly refused: RefusedRequests,
    private readonly failed: FailedKeys,
    private readonly quota: KeyQuota,
  ) {}

  /** At once for a key that was used lately. @throws Problem, at once or through the promise */
  admit(exchange: Exchange): Principal | Promise<Principal> {
    const found = this.credentials.authenticate(exchange.request);
    return found instanceof Promise
      ? found.then((authentication) => this.conclude(authentication, exchange))
      : this.conclude(found, exchange);
  }

  /** As `admit`, for what shows and changes nothing: in a browser the session's cookie is enough. */
  async admitReader(exchange: Exchange): Promise<Principal> {
    return this.conclude(await this.credentials.authenticateReader(exchange.request), exchange);
  }

  private conclude(authentication: Authentication, exchange: Exchange): Principal {
    if (authentication.kind === 'refused') throw this.turnAway(authentication, exchange);
    this.quota.take(authentication.principal, exchange.response);
    return authentication.principal;
  }

  /** 401, or 429 for an address that goes on trying. A key that is absent or was right once is no guess. */
  private turnAway(refused: Extract<Authentication, { kind: 'refused' }>, exchange: Exchange): Problem {
    const problem = this.refused.stranger(exchange, refused);
    if (blameless.has(refused.reason)) return problem;
    const address = exchange.request.socket.remoteAddress ?? '';
    const waiting = this.failed.refusal(address);
    if (waiting) return waiting;
    this.failed.add(address);
    return problem;
  }
}
