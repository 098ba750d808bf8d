import type { Failure, PublishedEvent } from './pending-publish.js';
import { isObject, parseJsonObject, parseProblem, type Problem, type ProblemError } from './problem.js';
import type { PublishErrorReason } from './publish-error.js';
import { retryAfterMs } from './retry-delay.js';
import type { TransportAnswer } from './transport.js';

/** What the broker's answer to one publish request means for its events. */
export type BatchAnswer =
  | { kind: 'stored'; events: PublishedEvent[] }
  /** Nothing was stored and sending again changes nothing. */
  | { kind: 'refused'; failure: Failure }
  /** Nothing was stored, because of the events at these indexes; the others may be sent again without them. */
  | { kind: 'guilty'; failure: Failure; failures: ReadonlyMap<number, Failure> }
  /** Nothing was stored, because of some event that the answer does not name. */
  | { kind: 'unclear'; failure: Failure }
  | { kind: 'retry'; failure: Failure; retryAfterMs: number };

/** The ids of the events in the request, in order. */
export interface SentBatch {
  topic: string;
  ids: readonly string[];
}

/** Reads the answer to a request, per the publish section of the HTTP contract. */
export function readAnswer(answer: TransportAnswer, sent: SentBatch, now: number): BatchAnswer {
  if (answer.kind === 'failed') {
    const failure: Failure = { reason: 'unreachable', message: answer.error.message, cause: answer.error };
    return { kind: 'retry', failure, retryAfterMs: 0 };
  }
  if (answer.status >= 200 && answer.status < 300) return readStored(answer, sent);
  const problem = parseProblem(answer.body);
  const reason = reasonOf(answer.status, problem?.code);
  const failure: Failure = { reason, message: describe(answer.status, problem), status: answer.status, problem };
  if (reason === 'unavailable' || reason === 'rate-limited' || reason === 'bad-answer') {
    return { kind: 'retry', failure, retryAfterMs: retryAfterMs(answer.retryAfter, now) };
  }
  return blame(failure, problem, sent);
}

function reasonOf(status: number, code: string | undefined): PublishErrorReason {
  if (status >= 500 || status === 408 || status === 425) return 'unavailable';
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      // No key may ever publish there.
      return code === 'topic-reserved' ? 'refused' : 'unauthorized';
    case 413:
      return 'too-large';
    case 429:
      return 'rate-limited';
    default:
      return reasonOfCode(status, code);
  }
}

/** A proxy whose broker restarts answers 404 as well, with a page of its own. */
function reasonOfCode(status: number, code: string | undefined): PublishErrorReason {
  if (code === undefined) return 'bad-answer';
  // The connection was cut on the way there.
  if (code === 'body-incomplete') return 'unavailable';
  return status === 409 ? 'conflict' : 'refused';
}

function describe(status: number, problem: Problem | undefined): string {
  const words = problem?.detail ?? problem?.title ?? problem?.code;
  return `The broker answered ${status}${words === undefined ? '' : `: ${words}`}`;
}

/** A refusal of a batch is traced to single events where the broker names them, or where halving can find them. */
function blame(failure: Failure, problem: Problem | undefined, { ids }: SentBatch): BatchAnswer {
  if (ids.length === 1) return { kind: 'refused', failure };
  const failures = failuresByIndex(failure, problem, ids.length);
  if (failures.size > 0) return { kind: 'guilty', failure, failures };
  const { status } = failure;
  return { kind: status === 409 || status === 413 || status === 422 ? 'unclear' : 'refused', failure };
}

/** Sorts the errors of a batch (`/3/id`) by event, each with pointers into its own event (`/id`). */
function failuresByIndex(failure: Failure, problem: Problem | undefined, count: number): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  if (problem === undefined) return failures;
  for (const { pointer, detail } of problem.errors) {
    const found = /^\/(\d+)(\/.*)?$/.exec(pointer);
    if (found === null || Number(found[1]) >= count) continue;
    const index = Number(found[1]);
    const earlier = failures.get(index)?.problem?.errors ?? [];
    failures.set(index, ofOneEvent(failure, problem, [...earlier, { pointer: found[2] ?? '', detail }]));
  }
  return failures;
}

function ofOneEvent(failure: Failure, problem: Problem, errors: readonly ProblemError[]): Failure {
  const words = errors.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
  return { ...failure, message: `The broker answered ${failure.status}: ${words}`, problem: { ...problem, errors } };
}

function readStored(answer: Extract<TransportAnswer, { kind: 'answered' }>, { topic, ids }: SentBatch): BatchAnswer {
  const json = parseJsonObject(answer.body);
  const list: unknown[] = Array.isArray(json?.['events']) ? json['events'] : [json];
  const events = list.flatMap((entry, index) => storedEvent(entry, topic, ids[index]));
  if (events.length === ids.length && list.length === ids.length) return { kind: 'stored', events };
  // Sending again is safe, since the ids are known; taking such an answer for a success would not be.
  const message = `The answer ${answer.status} does not name the ${ids.length} events that were sent`;
  return { kind: 'retry', failure: { reason: 'bad-answer', message, status: answer.status }, retryAfterMs: 0 };
}

function storedEvent(entry: unknown, topic: string, id: string | undefined): PublishedEvent[] {
  if (!isObject(entry) || id === undefined || entry['id'] !== id) return [];
  const { position, duplicate } = entry;
  return typeof position === 'string' ? [{ id, topic, position, duplicate: duplicate === true }] : [];
}
