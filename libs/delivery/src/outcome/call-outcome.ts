import type { HookResponse } from '@hookcast/egress';
import { parseBatchResults, parseVerdict, verdictHeader, type BatchResult, type Verdict } from '@hookcast/protocol';
import { decide, decideVerdict, type AttemptContext, type DeliveryPolicy, type Outcome } from './outcome.js';
import { retryAfterMs } from './retry-after.js';

/** One event of a request. */
export interface CalledEvent {
  id: string;
  /** Number of this attempt, from 1. */
  attempt: number;
  /** Unix milliseconds; Infinity when it does not expire. */
  expiresAt: number;
}

export interface CallContext {
  policy: DeliveryPolicy;
  /** Unix milliseconds. */
  now: number;
  random: () => number;
}

/** What a request comes to for one of its events. */
export interface CallOutcome {
  outcome: Outcome;
  /** The next attempt carries this event only: the fault may lie in another one of the batch. */
  isAlone: boolean;
}

/** What an answer comes to for each event of a batch, in their order. */
export function decideBatch(
  response: HookResponse,
  events: readonly CalledEvent[],
  context: CallContext,
): CallOutcome[] {
  // One draw for all of them: they fall due together and make a batch again.
  const draw = context.random();
  const contextOf = ({ attempt, expiresAt }: CalledEvent): AttemptContext => ({
    ...context,
    attempt,
    expiresAt,
    random: () => draw,
  });
  const results = resultsOf(response);
  if (results === 'unreadable') return events.map((event) => alone(event, response, context));
  if (results !== undefined && response.kind === 'answered') {
    const { 'retry-after': wait } = response.headers;
    return events.map((event) => together(decideVerdict(results.get(event.id) ?? 'ok', wait, contextOf(event))));
  }
  if (events.length > 1 && mayBeContent(response, events, context))
    return events.map((event) => alone(event, response, context));
  return events.map((event) => together(decide(response, contextOf(event))));
}

const together = (outcome: Outcome): CallOutcome => ({ outcome, isAlone: false });

/** At once, in place of the wait that the schedule has next: the event has not had a chance of its own yet. */
function alone(event: CalledEvent, response: HookResponse, { now }: CallContext): CallOutcome {
  const isAnswered = response.kind === 'answered';
  const wait = isAnswered ? retryAfterMs(response.headers['retry-after'], now) : undefined;
  const error = isAnswered ? `status: ${response.status} to the batch` : `${response.error}: ${response.detail}`;
  const at = Math.min(now + (wait ?? 0), event.expiresAt);
  return {
    outcome: { kind: 'retry', at, error, ...(wait !== undefined && { pauseUntil: now + wait }) },
    isAlone: true,
  };
}

/** They speak of the caller, the connection or the endpoint as a whole, and never of what was sent. */
const notAboutContent = new Set([401, 407, 408, 410, 421, 425, 426, 429, 511]);
/** Mostly an endpoint that is not there or not ready, but a handler or what stands before it may say so of one event. */
const doubtful = new Set([402, 403, 404, 405, 503]);

/**
 * Whether one event of a batch may have made it fail. Not when the endpoint cannot be reached or speaks for itself: then
 * all of them wait, instead of knocking a thousand times at a closed door. In doubt they wait together once.
 */
function mayBeContent(response: HookResponse, events: readonly CalledEvent[], { policy, now }: CallContext): boolean {
  const { nonRetryable, retry } = policy;
  if (response.kind === 'failed') return response.requestSent && response.error !== 'aborted';
  if (hasVerdict(response.headers[verdictHeader])) return false;
  const { status } = response;
  // Gone speaks for the endpoint, whatever else is said about it.
  if (status === 410) return false;
  if (nonRetryable.includes(status)) return true;
  if (status < 300 || speaksForItself(response, now)) return false;
  if (status >= 400 && !doubtful.has(status)) return true;
  return events.some(({ attempt }) => attempt > Math.min(1, retry.schedule.length));
}

function speaksForItself({ status, headers }: Extract<HookResponse, { kind: 'answered' }>, now: number): boolean {
  return notAboutContent.has(status) || (status === 503 && retryAfterMs(headers['retry-after'], now) !== undefined);
}

/**
 * Verdicts by event id, when the answer to a batch has some. An answer that begins as results and was cut short or is
 * malformed is unreadable: to take it for success could lose what it asked to be sent again.
 */
function resultsOf(response: HookResponse): ReadonlyMap<string, Verdict> | 'unreadable' | undefined {
  if (response.kind !== 'answered' || response.status < 200 || response.status > 299) return undefined;
  if (hasVerdict(response.headers[verdictHeader]) || response.body.length === 0) return undefined;
  const results = parseBatchResults(response.body);
  if (results === undefined) return looksLikeResults(response.body) ? 'unreadable' : undefined;
  return verdictsOf(results);
}

function verdictsOf(results: readonly BatchResult[]): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  // Two events of one id, from two topics, or two words on one: sending again loses nothing.
  for (const { id, verdict } of results)
    verdicts.set(id, (verdicts.get(id) ?? verdict) === verdict ? verdict : 'retry');
  return verdicts;
}

const resultsStart = /^\s*\{\s*"results"\s*:\s*\[/;

function looksLikeResults(body: Buffer): boolean {
  return resultsStart.test(body.toString('latin1', 0, 256)) && !isJson(body);
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const hasVerdict = (header: string | string[] | undefined): boolean =>
  parseVerdict(Array.isArray(header) ? header[0] : header) !== undefined;
