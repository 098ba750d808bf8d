import { isDeepStrictEqual } from 'node:util';
import type { BatchPolicy, HookFormat, Ordering, RetryPolicy, SignatureKind, Subscription } from '@hookcast/database';
import type { PutSubscriptionRequest } from './subscription.dto.js';

/** What a declaration decides about a subscription; the secret is kept apart, since it is sealed. */
export interface SubscriptionSettings {
  service: string | null;
  topics: string[];
  url: string;
  filter: string | null;
  format: HookFormat;
  batch: BatchPolicy | null;
  ordering: Ordering;
  concurrency: number;
  rateLimit: number | null;
  timeoutMs: number;
  retry: RetryPolicy;
  nonRetryable: number[];
  headers: Record<string, string>;
  signature: SignatureKind;
  startFrom: string;
  leaseSeconds: number | null;
}

const defaultRetry: RetryPolicy = {
  schedule: [1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400],
  jitter: 0.2,
};

const defaultNonRetryable = [400, 413, 422];

const defaultBatchBytes = 1_048_576;

/** A PUT replaces: what it leaves out gets its default. */
export function settingsOf(request: PutSubscriptionRequest): SubscriptionSettings {
  return {
    topics: request.topics,
    url: request.url,
    filter: request.filter ?? null,
    service: request.service ?? null,
    leaseSeconds: request.leaseSeconds ?? null,
    headers: { ...request.headers },
    retry: {
      schedule: request.retry?.schedule ?? [...defaultRetry.schedule],
      jitter: request.retry?.jitter ?? defaultRetry.jitter,
    },
    batch: request.batch
      ? { maxEvents: request.batch.maxEvents, maxBytes: request.batch.maxBytes ?? defaultBatchBytes }
      : null,
    ...sendingOf(request),
  };
}

function sendingOf(
  request: PutSubscriptionRequest,
): Pick<
  SubscriptionSettings,
  'format' | 'ordering' | 'concurrency' | 'rateLimit' | 'timeoutMs' | 'nonRetryable' | 'signature' | 'startFrom'
> {
  return {
    format: request.format ?? 'cloudevents',
    ordering: request.ordering ?? 'none',
    concurrency: request.concurrency ?? 32,
    rateLimit: request.rateLimit ?? null,
    timeoutMs: request.timeoutMs ?? 15_000,
    nonRetryable: request.nonRetryable ?? [...defaultNonRetryable],
    signature: request.signature ?? 'hmac',
    startFrom: request.startFrom ?? 'latest',
  };
}

/** Whether a stored subscription already is what a declaration asks for. */
export function hasSettings(subscription: Subscription, settings: SubscriptionSettings): boolean {
  return Object.entries(settings).every(([field, wanted]) =>
    isDeepStrictEqual(Reflect.get(subscription, field), wanted),
  );
}
