import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { isTopicName } from '@hookcast/protocol';
import { nameRule } from '../http/names.js';
import { invalid } from '../http/validation.js';
import { Authenticator, forbidden, type Authentication } from './authenticator.js';
import { RefusedRequests } from './refused-requests.js';
import { allows, type Principal } from './scope.js';

/** Lets publishers in. Synchronous for a key that was used lately: this is paid for every single publish. */
@Injectable()
export class PublishAccess {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly refused: RefusedRequests,
  ) {}

  /**
   * Who publishes.
   *
   * @throws Problem, at once or through the promise
   */
  admit(request: IncomingMessage, response: ServerResponse, topic: string): Principal | Promise<Principal> {
    const found = this.authenticator.authenticate(request.headers.authorization);
    if (found instanceof Promise) return found.then((later) => this.decide(later, { request, response, topic }));
    return this.decide(found, { request, response, topic });
  }

  private decide(
    authentication: Authentication,
    { request, response, topic }: { request: IncomingMessage; response: ServerResponse; topic: string },
  ): Principal {
    if (authentication.kind === 'refused') throw this.refused.stranger({ request, response }, authentication);
    const { principal } = authentication;
    const attempt = { request, response, action: 'topic.events', target: `topic/${topic}` };
    if (!allows(principal, 'publish')) {
      throw this.refused.refused(attempt, principal, forbidden('publish:<topic pattern>'));
    }
    if (!isTopicName(topic)) throw invalid([{ pointer: '/topic', detail: nameRule }]);
    if (!principal.publishesTo(topic)) {
      throw this.refused.refused(attempt, principal, forbidden(`publish:${topic}`));
    }
    return principal;
  }
}
