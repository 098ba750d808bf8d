import type { Subscription } from '../api/model.js';
import { bytes, counted, duration } from './quantities.js';

type Declared = Pick<
  Subscription,
  | 'format'
  | 'batch'
  | 'ordering'
  | 'concurrency'
  | 'rateLimit'
  | 'timeoutMs'
  | 'retry'
  | 'nonRetryable'
  | 'headers'
  | 'signature'
  | 'secretHint'
>;

const orders: Record<string, string> = {
  none: 'none: events may arrive in any order',
  key: 'by key: the events of a key arrive one after another',
  strict: 'strict: the events of a stream arrive one after another',
};

/** What a subscription asked for, in words. */
export function settingsOf(one: Declared): [title: string, words: string][] {
  const { batch, rateLimit, retry, nonRetryable, headers } = one;
  const tries = retry.schedule.map((seconds) => duration(seconds * 1000)).join(', ');
  return [
    [
      'Sent as',
      batch === null
        ? one.format
        : `${one.format}, up to ${counted(batch.maxEvents, 'event')} or ${bytes(batch.maxBytes)} in one request`,
    ],
    ['Order', orders[one.ordering] ?? one.ordering],
    [
      'At once',
      `at most ${counted(one.concurrency, 'request')}, ${rateLimit === null ? 'no rate limit' : `${rateLimit} a second`}`,
    ],
    ['Timeout', duration(one.timeoutMs)],
    ['Tried again after', tries === '' ? 'never' : `${tries}; ±${Math.round(retry.jitter * 100)} %`],
    ['Given up at once on', nonRetryable.length === 0 ? 'no status' : nonRetryable.join(', ')],
    [
      'Headers',
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', ') || 'none of its own',
    ],
    ['Signed', `${one.signature}, with the secret ${one.secretHint}`],
  ];
}
