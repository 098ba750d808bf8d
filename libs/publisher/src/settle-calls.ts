import type { BatchAnswer } from './batch-answer.js';
import type { PendingPublish, PublishedEvent } from './pending-publish.js';

/** What a retry is held against. */
export interface RetryBounds {
  /** When the next attempt starts, on the clock of the deadlines. */
  retryAt: number;
  maxAttempts: number;
}

/** Settles every call that the answer decides about. Returns the batches that are to be sent again, in order. */
export function settleCalls(
  calls: readonly PendingPublish[],
  answer: BatchAnswer,
  bounds: RetryBounds,
): PendingPublish[][] {
  switch (answer.kind) {
    case 'stored':
      succeedAll(calls, answer.events);
      return [];
    case 'refused':
      for (const call of calls) call.fail(answer.failure);
      return [];
    case 'guilty':
      return withoutGuilty(calls, answer);
    case 'unclear':
      return halves(calls, answer);
    case 'retry':
      return retriable(calls, answer, bounds);
  }
}

type Answer<K extends BatchAnswer['kind']> = Extract<BatchAnswer, { kind: K }>;

function succeedAll(calls: readonly PendingPublish[], events: readonly PublishedEvent[]): void {
  let from = 0;
  for (const call of calls) {
    const to = from + call.events.length;
    call.succeed(events.slice(from, to));
    from = to;
  }
}

/** A request with more than one call holds one event of each, so that the index of an event is that of its call. */
function withoutGuilty(calls: readonly PendingPublish[], answer: Answer<'guilty'>): PendingPublish[][] {
  if (calls.length === 1) {
    calls[0]?.fail(answer.failure);
    return [];
  }
  const rest: PendingPublish[] = [];
  for (const [index, call] of calls.entries()) {
    const failure = answer.failures.get(index);
    if (failure === undefined) rest.push(call);
    else call.fail(failure);
  }
  return rest.length > 0 ? [rest] : [];
}

function halves(calls: readonly PendingPublish[], answer: Answer<'unclear'>): PendingPublish[][] {
  if (calls.length === 1) {
    calls[0]?.fail(answer.failure);
    return [];
  }
  const middle = Math.ceil(calls.length / 2);
  return [calls.slice(0, middle), calls.slice(middle)];
}

/** A call whose time would be up before the next attempt is rejected now: its caller can do something sooner. */
function retriable(
  calls: readonly PendingPublish[],
  { failure }: Answer<'retry'>,
  bounds: RetryBounds,
): PendingPublish[][] {
  const rest: PendingPublish[] = [];
  for (const call of calls) {
    call.noteFailure(failure);
    if (call.attempts >= bounds.maxAttempts || call.deadline <= bounds.retryAt) call.fail(failure);
    else rest.push(call);
  }
  return rest.length > 0 ? [rest] : [];
}
