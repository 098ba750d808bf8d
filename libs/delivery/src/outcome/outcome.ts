import type { HookResponse } from '@hookcast/egress';
import { parseVerdict, verdictHeader, type Verdict } from '@hookcast/protocol';
import { retryAfterMs } from './retry-after.js';
import { retryDelayMs, type RetrySchedule } from './retry-schedule.js';

export type DeadReason = 'exhausted' | 'non-retryable' | 'verdict' | 'expired';

/** What becomes of a delivery after an attempt. Times are unix milliseconds. */
export type Outcome =
  | { kind: 'delivered' }
  /** `pauseUntil`: the hook asked for quiet, so nothing at all is sent to it before, whatever becomes of this delivery. */
  | { kind: 'retry'; at: number; error: string; pauseUntil?: number }
  | { kind: 'dead'; reason: DeadReason; error: string; pauseUntil?: number }
  | { kind: 'dropped' }
  /** The subscription stops; this delivery waits with the rest of its backlog. */
  | { kind: 'suspend'; reason: 'gone'; error: string };

export interface DeliveryPolicy {
  retry: RetrySchedule;
  nonRetryable: readonly number[];
}

export interface AttemptContext {
  /** Number of the attempt that was just made, from 1. */
  attempt: number;
  policy: DeliveryPolicy;
  now: number;
  /** Time after which the event is no longer worth delivering; Infinity when it has none. */
  expiresAt: number;
  random: () => number;
}

const delivered: Outcome = { kind: 'delivered' };
const dropped: Outcome = { kind: 'dropped' };

/** The table "What a hook receives" of docs/protocol.md: a verdict overrides the status, a status line overrides its body. */
export function decide(response: HookResponse, context: AttemptContext): Outcome {
  if (response.kind === 'failed') return retryOrDie(`${response.error}: ${response.detail}`, context, undefined);
  const verdict = response.headers[verdictHeader];
  if (verdict !== undefined) {
    const outcome = decideByVerdict(verdict, response, context);
    if (outcome) return outcome;
  }
  if (response.status >= 200 && response.status < 300) return delivered;
  return decideByStatus(response, context);
}

type Answer = Extract<HookResponse, { kind: 'answered' }>;

function decideByVerdict(header: string | string[], answer: Answer, context: AttemptContext): Outcome | undefined {
  const verdict = parseVerdict(Array.isArray(header) ? header[0] : header);
  return verdict && decideVerdict(verdict, answer.headers['retry-after'], context);
}

/**
 * What a hook says about one event.
 *
 * @param retryAfter the answer's header; it speaks about this event, so it does not pause the hook
 */
export function decideVerdict(
  verdict: Verdict,
  retryAfter: string | string[] | undefined,
  context: AttemptContext,
): Outcome {
  const error = 'verdict: the hook asked for it';
  switch (verdict) {
    case 'ok':
      return delivered;
    case 'drop':
      return dropped;
    case 'dead-letter':
      return { kind: 'dead', reason: 'verdict', error };
    case 'retry':
      return retryOrDie(error, context, retryAfterMs(retryAfter, context.now));
  }
}

function decideByStatus(answer: Answer, context: AttemptContext): Outcome {
  const error = `status: ${answer.status}`;
  if (answer.status === 410) return { kind: 'suspend', reason: 'gone', error };
  if (context.policy.nonRetryable.includes(answer.status)) return { kind: 'dead', reason: 'non-retryable', error };
  const wait = retryAfterMs(answer.headers['retry-after'], context.now);
  const outcome = retryOrDie(error, context, wait);
  return wait === undefined ? outcome : { ...outcome, pauseUntil: context.now + wait };
}

function retryOrDie(
  error: string,
  context: AttemptContext,
  atLeastMs: number | undefined,
): Extract<Outcome, { kind: 'retry' | 'dead' }> {
  const delay = retryDelayMs(context.policy.retry, context.attempt, context.random);
  if (delay === undefined) return { kind: 'dead', reason: 'exhausted', error };
  const at = context.now + Math.max(delay, atLeastMs ?? 0);
  // An event that expires while it waits is looked at again at that moment, and dead-lettered then.
  return { kind: 'retry', at: Math.min(at, context.expiresAt), error };
}
