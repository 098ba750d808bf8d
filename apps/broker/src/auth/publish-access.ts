import { Injectable } from '@nestjs/common';
import { isTopicName } from '@hookcast/protocol';
import { isReserved } from '../announcements/operational-topics.js';
import { nameRule } from '../http/names.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { Admission, type Exchange } from './admission.js';
import { forbidden } from './authenticator.js';
import { RefusedRequests } from './refused-requests.js';
import { allows, type Principal } from './scope.js';

/** Lets publishers in. Synchronous for a key that was used lately: this is paid for every single publish. */
@Injectable()
export class PublishAccess {
  constructor(
    private readonly admission: Admission,
    private readonly refused: RefusedRequests,
  ) {}

  /**
   * Who publishes.
   *
   * @throws Problem, at once or through the promise
   */
  admit(exchange: Exchange, topic: string): Principal | Promise<Principal> {
    const found = this.admission.admit(exchange);
    if (found instanceof Promise) return found.then((principal) => this.decide(principal, exchange, topic));
    return this.decide(found, exchange, topic);
  }

  private decide(principal: Principal, exchange: Exchange, topic: string): Principal {
    const attempt = { ...exchange, action: 'topic.events', target: `topic/${topic}` };
    if (!allows(principal, 'publish')) {
      throw this.refused.refused(attempt, principal, forbidden('publish:<topic pattern>'));
    }
    if (!isTopicName(topic)) throw invalid([{ pointer: '/topic', detail: nameRule }]);
    if (!principal.publishesTo(topic)) {
      // Publishers keep an event that another key may publish: of these topics they are told that none ever may.
      const problem = isReserved(topic) ? reserved(topic) : forbidden(`publish:${topic}`);
      throw this.refused.refused(attempt, principal, problem);
    }
    if (isReserved(topic)) throw reserved(topic);
    return principal;
  }
}

const reserved = (topic: string): Problem =>
  new Problem('topic-reserved', { detail: `Only the broker publishes to "${topic}".` });
