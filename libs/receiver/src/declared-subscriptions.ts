import { compilePattern } from '@hookcast/protocol';
import type { EventContext } from './event-context.js';
import { refused, type Refusal } from './hook-request-error.js';
import type { SubscriptionDeclaration } from './subscription-declaration.js';

/** What a hook has to know of a subscription that it declared. */
export type DeclaredSubscription = Pick<SubscriptionDeclaration, 'name' | 'topics' | 'ordering'>;

type Delivery = Pick<EventContext, 'topic' | 'subscription'>;

interface Known {
  isStrict: boolean;
  takes: (topic: string) => boolean;
}

/** Holds what the unsigned headers of a request say against what this receiver has declared. */
export class DeclaredSubscriptions {
  private readonly byName: ReadonlyMap<string | undefined, Known>;

  /**
   * @param isStrictOtherwise whether subscriptions that are not declared here are strict
   * @throws {RangeError} when a pattern is none
   */
  constructor(
    declared: readonly DeclaredSubscription[],
    private readonly isStrictOtherwise: boolean,
  ) {
    this.byName = new Map(
      declared.map(({ name, topics, ordering }) => {
        const patterns = topics.map((topic) => compilePattern(topic));
        return [name, { isStrict: ordering === 'strict', takes: (topic) => patterns.some((takes) => takes(topic)) }];
      }),
    );
  }

  /** A topic that the subscription cannot have brought: the header is changed, or its declaration is a newer one. */
  refusalOf({ topic, subscription }: Delivery): Refusal | undefined {
    const isPossible = this.byName.get(subscription)?.takes(topic) ?? true;
    if (isPossible) return undefined;
    return refused('undeclared-topic', `The topic ${topic} is none that ${subscription} was declared for.`);
  }

  /** True when everything behind a failed event has to wait for it. */
  isStrict({ subscription }: Pick<Delivery, 'subscription'>): boolean {
    return this.byName.get(subscription)?.isStrict ?? this.isStrictOtherwise;
  }

  /** What ids are deduplicated within: a name in a header counts only when it is ours, since anybody can invent others. */
  scopeOf({ subscription }: Pick<Delivery, 'subscription'>): string {
    return subscription !== undefined && this.byName.has(subscription) ? subscription : '';
  }
}
