import type { SqlSource } from '@hookcast/database';
import type { Filter } from '@hookcast/filter';
import { eventView } from '../reading/event-view.js';
import { nextDeadLetters, type ChosenDeadLetter } from './dead-letter-choice-store.js';
import { discardDeadLetters, feedDeadLetters } from './feed-store.js';
import type { DeadLetterChoice, DeadLetterKey, Operation, OperationProgress } from './operation.js';
import type { StepResult } from './operation-run-store.js';

/** Dead letters that a filter may look at in one step; its costly evaluations must not hold up the process. */
const lookedAtOnce = 200;

interface Chosen {
  keys: readonly DeadLetterKey[];
  lookedAt: number;
  progress: OperationProgress;
  isFed: boolean;
}

/** Takes the next dead letters of a redrive or discard. */
export async function deadLetterStep(
  transaction: SqlSource,
  operation: Operation,
  { size, filter }: { size: number; filter: Filter | undefined },
): Promise<StepResult> {
  const { keys, lookedAt, progress, isFed } = await choose(transaction, operation, { size, filter });
  const moved = await move(transaction, operation, keys);
  const isDiscard = operation.kind === 'discard';
  return {
    progress,
    isFed,
    fed: isDiscard ? 0 : moved,
    done: isDiscard ? moved : 0,
    failed: 0,
    skipped: lookedAt - moved,
  };
}

async function move(transaction: SqlSource, operation: Operation, keys: readonly DeadLetterKey[]): Promise<number> {
  if (keys.length === 0) return 0;
  return operation.kind === 'discard'
    ? discardDeadLetters(transaction, operation.subscriptionId, keys)
    : feedDeadLetters(transaction, operation, keys);
}

async function choose(
  transaction: SqlSource,
  { request, progress, subscriptionId }: Operation,
  { size, filter }: { size: number; filter: Filter | undefined },
): Promise<Chosen> {
  if (request.of === 'keys' && progress.of === 'keys') return nextKeys(request.keys, progress.next, size);
  if (request.of !== 'filter' || progress.of !== 'filter') throw new Error(`A dead-letter operation of ${request.of}`);
  const limit = filter ? Math.min(size, lookedAtOnce) : size;
  const found = await nextDeadLetters(transaction, subscriptionId, { ...request, last: progress.last, limit });
  const matching = filter ? found.filter(({ event }) => filter.matches(eventView(event)).kind === 'match') : found;
  const last = found.at(-1);
  return {
    keys: matching.map(({ streamId, seq }) => [streamId, seq]),
    lookedAt: found.length,
    progress: { of: 'filter', last: last ? placeOf(last) : progress.last },
    isFed: found.length < limit,
  };
}

function nextKeys(keys: Extract<DeadLetterChoice, { of: 'keys' }>['keys'], from: number, size: number): Chosen {
  const next = Math.min(from + size, keys.length);
  return {
    keys: keys.slice(from, next),
    lookedAt: next - from,
    progress: { of: 'keys', next },
    isFed: next >= keys.length,
  };
}

function placeOf({ deadAt, streamId, seq }: ChosenDeadLetter): { at: string; streamId: number; seq: number } {
  return { at: deadAt.toISOString(), streamId, seq };
}
