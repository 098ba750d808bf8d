import { isTopicPattern } from '@hookcast/protocol';

/** How a subscription is delivered; what is left out is the broker's default. Times are in the unit their name says. */
export interface SubscriptionSettings {
  /** A CEL expression over the event's attributes and `data`. */
  filter?: string | undefined;
  format?: 'cloudevents' | 'cloudevents-binary' | 'standard-webhooks' | undefined;
  batch?: { maxEvents: number; maxBytes?: number } | null | undefined;
  ordering?: 'none' | 'key' | 'strict' | undefined;
  /** Requests in flight at once. */
  concurrency?: number | undefined;
  /** Events a second. */
  rateLimit?: number | null | undefined;
  /** For one attempt, from resolving the name to the end of the answer. */
  timeoutMs?: number | undefined;
  /** `schedule`: seconds before the second, third … attempt. */
  retry?: { schedule?: number[]; jitter?: number } | undefined;
  /** Statuses that dead-letter at once. */
  nonRetryable?: number[] | undefined;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** `whsec_…`; the broker makes one when it is left out. */
  secret?: string | undefined;
  signature?: 'hmac' | 'ed25519' | 'both' | undefined;
  /** `latest`, `earliest` or an RFC 3339 time; only looked at when the subscription is created. */
  startFrom?: string | undefined;
  /** The subscription goes stale, and its events are kept, when no heartbeat came for this long. */
  leaseSeconds?: number | null | undefined;
}

/** One subscription of a service, as `PUT /v1/services/{service}` takes it. */
export interface SubscriptionDeclaration extends SubscriptionSettings {
  name: string;
  /** Topics or patterns. */
  topics: readonly string[];
  /** Where the broker reaches the hook. */
  url: string;
}

/** What cannot be right in a declaration; empty when nothing is found. The broker checks the rest. */
export function declarationErrors(service: string, subscriptions: readonly SubscriptionDeclaration[]): string[] {
  const errors = isName(service) ? [] : [`"${service}" is no service name`];
  const names = new Set<string>();
  for (const { name, topics, url } of subscriptions) {
    if (!isName(name)) errors.push(`"${name}" is no subscription name`);
    if (names.has(name)) errors.push(`two subscriptions are named "${name}"`);
    names.add(name);
    errors.push(...topics.filter((topic) => !isTopicPattern(topic)).map((topic) => `"${topic}" is no topic pattern`));
    if (!isHttpUrl(url)) errors.push(`"${url}" is no http or https URL`);
  }
  return errors;
}

const isName = (name: string): boolean => /^[a-z0-9][a-z0-9._-]{0,127}$/.test(name);

export const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
