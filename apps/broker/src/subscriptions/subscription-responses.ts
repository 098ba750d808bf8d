import { Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { SubscriptionFiguresReader } from './subscription-figures.js';
import { toSubscriptionResponse, type SubscriptionResponse } from './subscription-response.js';
import { SubscriptionSecrets } from './subscription-secrets.js';

/** Shows subscriptions together with how they are doing. */
@Injectable()
export class SubscriptionResponses {
  constructor(
    private readonly figures: SubscriptionFiguresReader,
    private readonly secrets: SubscriptionSecrets,
  ) {}

  async all(subscriptions: readonly Subscription[]): Promise<SubscriptionResponse[]> {
    const figures = await this.figures.of(subscriptions);
    return subscriptions.map((one) => toSubscriptionResponse(one, figures(one)));
  }

  async one(subscription: Subscription): Promise<SubscriptionResponse> {
    const figures = await this.figures.of([subscription]);
    return toSubscriptionResponse(subscription, figures(subscription));
  }

  /** The answer to whoever may manage the subscriptions. */
  async withSecrets(subscriptions: readonly Subscription[]): Promise<SubscriptionResponse[]> {
    const responses = await this.all(subscriptions);
    return responses.map((response, index) => {
      const subscription = subscriptions[index];
      return subscription ? Object.assign(response, { secret: this.secrets.current(subscription) }) : response;
    });
  }

  async withSecret(subscription: Subscription): Promise<SubscriptionResponse> {
    return Object.assign(await this.one(subscription), { secret: this.secrets.current(subscription) });
  }
}
