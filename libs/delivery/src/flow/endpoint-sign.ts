import type { HookResponse } from '@hookcast/egress';
import { parseVerdict, verdictHeader } from '@hookcast/protocol';
import type { Outcome } from '../outcome/outcome.js';

/**
 * What the end of an attempt says about the endpoint, whatever it says about the event:
 * - alive: something answered that knows what it does, be it with a refusal or a verdict
 * - failing: 408, 425, 429, 5xx, a timeout, a broken exchange
 * - unreachable: not a byte was sent, so it is certainly not the event's fault
 * - none: the fault was this program's
 */
export type EndpointSign = 'alive' | 'failing' | 'unreachable' | 'none';

/** Something is there that answers, whatever it says: a status, or bytes that are none. */
export const hasAnswered = (response: HookResponse): boolean => response.kind === 'answered' || response.answerStarted;

const ownFaults: ReadonlySet<string> = new Set(['aborted', 'other']);
const failingStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

export function endpointSign(response: HookResponse, outcome: Outcome): EndpointSign {
  if (response.kind === 'failed') {
    if (ownFaults.has(response.error)) return 'none';
    return response.requestSent ? 'failing' : 'unreachable';
  }
  const { status, headers } = response;
  // The owner of the hook has listed the status as one that speaks of the event.
  if (outcome.kind === 'dead' && outcome.reason === 'non-retryable') return 'alive';
  const verdict = headers[verdictHeader];
  if (typeof verdict === 'string' && parseVerdict(verdict) !== undefined) return 'alive';
  return status >= 500 || failingStatuses.has(status) ? 'failing' : 'alive';
}
