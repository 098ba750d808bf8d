import { isDeepStrictEqual } from 'node:util';
import type { HandlerEntry } from './event-handlers.js';
import type { DecoratedHandler } from './nest-handlers.js';
import type { SubscriptionDeclaration, SubscriptionSettings } from './subscription-declaration.js';

/** Where the subscriptions of a service are delivered, and how unless a decorator says otherwise. */
export interface SubscriptionPlanOptions {
  service: string;
  url: string;
  defaults: SubscriptionSettings;
}

/** What to declare at the broker, and the handlers of what it delivers. */
export interface SubscriptionPlan {
  subscriptions: SubscriptionDeclaration[];
  entries: HandlerEntry[];
}

interface PlannedSubscription {
  topics: Set<string>;
  settings: SubscriptionSettings;
}

/**
 * One subscription for each pattern, or for each name that decorators give. So a handler that fails has its own deliveries
 * repeated and no other's, and each has a backlog of its own to be seen by.
 *
 * @throws {TypeError} when handlers that share a subscription want it delivered in different ways
 */
export function planSubscriptions(
  handlers: readonly DecoratedHandler[],
  { service, url, defaults }: SubscriptionPlanOptions,
): SubscriptionPlan {
  const planned = new Map<string, PlannedSubscription>();
  const entries = handlers.map(({ pattern, options, handle, name: handlerName }) => {
    const { subscription = subscriptionName(service, pattern), ...settings } = options;
    const known = planned.get(subscription);
    if (known !== undefined && areAtOdds(known.settings, settings)) {
      throw new TypeError(
        `${handlerName}: other handlers of the subscription ${subscription} have other settings for it.`,
      );
    }
    const topics = new Set([...(known?.topics ?? []), pattern]);
    planned.set(subscription, { topics, settings: { ...known?.settings, ...settings } });
    return { pattern, subscription, handle };
  });
  const subscriptions = [...planned].map(([name, { topics, settings }]) => ({
    ...defaults,
    ...settings,
    name,
    topics: [...topics],
    url,
  }));
  return { subscriptions, entries };
}

const subscriptionName = (service: string, pattern: string): string =>
  `${service}.${pattern.replace('**', 'all').replaceAll('*', 'any')}`;

/** True when some setting that both give has two values. */
const areAtOdds = (one: SubscriptionSettings, other: SubscriptionSettings): boolean =>
  !isDeepStrictEqual({ ...one, ...other }, { ...other, ...one });
