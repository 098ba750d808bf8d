import type { FollowUp, Refused, SourceResponse } from '@hookcast/sources';
import type { Verdict } from './source-records-store.js';

/** What became of one request to a source: the answer, and what is written down about it. */
export interface Outcome {
  verdict: Verdict;
  reason?: string;
  answer: SourceResponse;
  deliveryId?: string;
  eventType?: string;
  eventIds: string[];
  followUp?: FollowUp;
}

/** Seconds after which a sender is asked to try again while the database is away. */
const retryAfterSeconds = 5;

const taken: SourceResponse = { status: 200, headers: {}, body: '' };

export function accepted(response: SourceResponse | undefined, rest: Omit<Outcome, 'answer'>): Outcome {
  return { ...rest, answer: response ?? taken };
}

/** A refusal says nothing but its status. */
export function refusal({ status, reason, allow }: Pick<Refused, 'status' | 'allow'> & { reason: string }): Outcome {
  const headers: Record<string, string> = allow ? { allow: allow.join(', ') } : {};
  return { verdict: 'refused', reason, answer: { status, headers, body: '' }, eventIds: [] };
}

/** One answer for an unknown source, a wrong token and a source that is switched off. */
export function notHere(reason: string): Outcome {
  return refusal({ status: 404, reason });
}

/** Ours, never the sender's: some give up for ever on a 4xx. */
export function failure(reason: string): Outcome {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return { verdict: 'failed', reason, answer: { status: 503, headers, body: '' }, eventIds: [] };
}
