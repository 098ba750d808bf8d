import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { And, Like, MoreThan, Repository } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { matchesAny } from '../topics/topic-creation.js';
import { SubscriptionDeclarations } from './subscription-declarations.js';
import type { SubscriptionQuery } from './subscription-query.js';
import type { SubscriptionResponse } from './subscription-response.js';
import { SubscriptionResponses } from './subscription-responses.js';
import type { PutSubscriptionRequest } from './subscription.dto.js';

@Injectable()
export class SubscriptionsService {
  constructor(
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
    private readonly declarations: SubscriptionDeclarations,
    private readonly responses: SubscriptionResponses,
  ) {}

  async put(
    name: string,
    request: PutSubscriptionRequest,
  ): Promise<{ created: boolean; subscription: SubscriptionResponse }> {
    const { kind, subscription } = await this.declarations.apply(this.declarations.check(name, request));
    return { created: kind === 'created', subscription: await this.responses.withSecret(subscription) };
  }

  async get(name: string): Promise<SubscriptionResponse> {
    return this.responses.one(await this.find(name));
  }

  async list(query: SubscriptionQuery): Promise<Page<SubscriptionResponse>> {
    const { limit = defaultLimit, topic } = query;
    const [after = ''] = cursorKey(query.cursor, ['string']) ?? [];
    const found = await this.subscriptions.find({
      where: {
        namespace: callerNamespace(),
        name:
          query.search === undefined ? MoreThan(String(after)) : And(MoreThan(String(after)), containing(query.search)),
        ...(query.service !== undefined && { service: query.service }),
        ...(query.state !== undefined && { state: query.state }),
      },
      order: { name: 'asc' },
      // Patterns are matched here, so with a topic every subscription has to be looked at.
      ...(topic === undefined && { take: limit + 1 }),
    });
    const matching = topic === undefined ? found : found.filter((one) => matchesAny(one.topics, topic));
    const page = pageOf(matching, limit, ({ name }) => [name]);
    return { items: await this.responses.all(page.items), nextCursor: page.nextCursor };
  }

  async delete(name: string): Promise<void> {
    await this.find(name);
    await this.declarations.withdraw(name);
  }

  /** @throws Problem subscription-not-found */
  async find(name: string): Promise<Subscription> {
    const subscription = await this.subscriptions.findOneBy({ namespace: callerNamespace(), name });
    if (!subscription) throw subscriptionNotFound(name);
    return subscription;
  }
}

/** `_` is a letter of names and any character to LIKE. */
function containing(part: string) {
  return Like(`%${part.replaceAll('_', '\\_')}%`);
}

export function subscriptionNotFound(name: string): Problem {
  return new Problem('subscription-not-found', { detail: `No subscription is named "${name}".` });
}
