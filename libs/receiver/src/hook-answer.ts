import type { BatchResult, Verdict } from '@hookcast/protocol';
import { statusOf, type RefusalReason } from './hook-request-error.js';

/** What a hook answers, for any HTTP server to send. */
export interface HookAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** How the handlers of one event ended. */
export type Handled = 'done' | 'failed' | 'unhandled';

/** The broker keeps this much of an answer; verdicts beyond it would be lost. */
const maxResultsLength = 8192;

/** The answer about one event: settled, failed, or not for this hook, which a later version of the service may mend. */
export function answerOne(handled: Handled): HookAnswer {
  switch (handled) {
    case 'done':
      return bare(204);
    case 'failed':
      return bare(500);
    case 'unhandled':
      return bare(404);
  }
}

/** The answer about a batch: a verdict for each event that is not settled. A batch of which nothing is settled failed. */
export function answerBatch(handled: readonly { id: string; handled: Handled }[]): HookAnswer {
  const results: BatchResult[] = handled
    .filter((event) => event.handled !== 'done')
    .map(({ id }) => ({ id, verdict: 'retry' satisfies Verdict }));
  if (results.length === 0) return bare(204);
  const body = JSON.stringify({ results });
  if (results.length === handled.length || body.length > maxResultsLength) return bare(500);
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

/** Says no more than the status. */
export function answerRefusal(reason: RefusalReason): HookAnswer {
  const answer = bare(statusOf(reason));
  if (reason === 'no-keys') answer.headers['retry-after'] = '2';
  // Whatever is left of the body is not read, so the connection cannot be used again.
  if (reason === 'too-large') answer.headers['connection'] = 'close';
  return answer;
}

export const methodNotAllowed = (): HookAnswer => ({ status: 405, headers: { allow: 'POST, OPTIONS' }, body: '' });

const bare = (status: number): HookAnswer => ({ status, headers: {}, body: '' });
