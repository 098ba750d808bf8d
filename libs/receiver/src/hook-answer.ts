import { verdictHeader, type BatchResult, type Verdict } from '@hookcast/protocol';
import { comesAgain, type Handled } from './handler-verdict.js';
import { statusOf, type RefusalReason } from './hook-request-error.js';

/** What a hook answers, for any HTTP server to send. */
export interface HookAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** The broker reads this much of an answer to a batch. */
const readBytes = 65_536;

/** For senders that do not know the verdict header, such as others that speak Standard Webhooks. */
const statusOfVerdict: Record<Exclude<Verdict, 'ok'>, number> = { retry: 503, drop: 204, 'dead-letter': 422 };

/** The answer about one event: settled, failed, or not for this hook, which a later version of the service may mend. */
export function answerOne(handled: Handled): HookAnswer {
  switch (handled.kind) {
    case 'done':
      return bare(204);
    case 'failed':
      return bare(500);
    case 'unhandled':
      return bare(404);
    case 'held':
      return withVerdict('retry', 1);
    case 'verdict':
      return withVerdict(handled.verdict, handled.afterSeconds);
  }
}

/**
 * The answer about a batch: a verdict for each event that is not settled. A batch of which every event failed alike is
 * answered like one such event, so that a hook that is broken shows as broken.
 *
 * Results beyond what the broker reads are sent all the same: it recognises that they are cut short, and tries the events
 * one by one without counting a failure of the hook.
 */
export function answerBatch(handled: readonly { id: string; handled: Handled }[]): HookAnswer {
  const open = handled.filter((event) => event.handled.kind !== 'done');
  const [first] = open;
  if (first === undefined) return bare(204);
  const isPlain = first.handled.kind === 'failed' || first.handled.kind === 'unhandled';
  if (isPlain && open.length === handled.length && open.every((event) => event.handled.kind === first.handled.kind)) {
    return answerOne(first.handled);
  }
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  const wait = longestWait(open.map((event) => event.handled));
  if (wait !== undefined) headers['retry-after'] = String(wait);
  return { status: 200, headers, body: resultsOf(open) };
}

function resultsOf(open: readonly { id: string; handled: Handled }[]): string {
  const results: BatchResult[] = open.map(({ id, handled: one }) => ({
    id,
    verdict: one.kind === 'verdict' ? one.verdict : 'retry',
  }));
  const full = JSON.stringify({ results });
  if (full.length <= readBytes) return full;
  // An entry without a verdict counts as retry.
  return JSON.stringify({
    results: results.map(({ id, verdict }) => (verdict === 'retry' ? { id } : { id, verdict })),
  });
}

/** One header speaks for every event that comes again, so the longest of them. */
function longestWait(handled: readonly Handled[]): number | undefined {
  const waits = handled.flatMap((one) => (one.kind === 'verdict' && comesAgain(one) ? [one.afterSeconds] : []));
  const known = waits.filter((seconds) => seconds !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
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

function withVerdict(verdict: Exclude<Verdict, 'ok'>, afterSeconds: number | undefined): HookAnswer {
  const answer = bare(statusOfVerdict[verdict]);
  answer.headers[verdictHeader] = verdict;
  if (afterSeconds !== undefined) answer.headers['retry-after'] = String(afterSeconds);
  return answer;
}
