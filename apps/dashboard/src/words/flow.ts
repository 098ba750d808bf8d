import type { Subscription } from '../api/model.js';
import { counted, count, duration } from './quantities.js';

type Flowing = Pick<
  Subscription,
  'state' | 'window' | 'concurrency' | 'drainRate' | 'toDrain' | 'backlog' | 'rateLimit' | 'parked'
>;

/** What bounds how fast a subscription is sent to, in words; nothing where nothing does. */
export function flowWords(subscription: Flowing, now: number): string[] {
  const { state, window, concurrency, parked } = subscription;
  if (state !== 'active' || parked !== null) return [];
  const words = drainWords(subscription, now);
  if (window !== null && window < concurrency)
    words.push(
      `Its window is ${counted(window, 'request')} at once of the ${count(concurrency)} it allows: it shrinks while requests fail or slow down, and grows again with every success.`,
    );
  return words;
}

function drainWords({ drainRate, toDrain, rateLimit }: Flowing, now: number): string[] {
  if (drainRate === null || toDrain === 0) return [];
  const perSecond = Math.min(drainRate, rateLimit ?? drainRate);
  const seconds = toDrain / perSecond;
  const end = new Date(now + seconds * 1000).toLocaleTimeString();
  return [
    `Its backlog is drained at ${count(perSecond)} a second since it was resumed: ${counted(toDrain, 'event')} left, done in ${duration(seconds * 1000)} (${end}) at best.`,
  ];
}
