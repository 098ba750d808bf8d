import type { Problem } from './problem.js';

/**
 * Why an event was not published:
 *
 * - `invalid-event`: the arguments make no event; nothing was sent
 * - `too-large`: the event or the batch is over a limit, of this publisher or of the broker (413)
 * - `conflict`: the broker holds another event with this id (409)
 * - `unauthorized`: the key is unknown (401) or may not publish to the topic (403)
 * - `refused`: the broker refuses the event for another reason, told in `problem`
 * - `rate-limited`: over quota, still after the last retry (429)
 * - `unavailable`: the broker answered 408 or 5xx, still after the last retry
 * - `unreachable`: no answer, still after the last retry
 * - `bad-answer`: what answered is no broker, or not at this address, still after the last retry
 * - `timeout`: not settled within `timeoutMs`; `cause` is the last failure
 * - `buffer-full`: too many events wait to be sent
 * - `spool-full`: the broker is away and the spool has reached its `maxBytes`
 * - `spool-failed`: the broker is away and the event could not be written; `cause` is the error of the file system
 * - `aborted`: the caller's AbortSignal fired
 * - `closed`: the publisher was closed first
 */
export type PublishErrorReason =
  | 'invalid-event'
  | 'too-large'
  | 'conflict'
  | 'unauthorized'
  | 'refused'
  | 'rate-limited'
  | 'unavailable'
  | 'unreachable'
  | 'bad-answer'
  | 'timeout'
  | 'buffer-full'
  | 'spool-full'
  | 'spool-failed'
  | 'aborted'
  | 'closed';

const retryable: ReadonlySet<PublishErrorReason> = new Set([
  'rate-limited',
  'unavailable',
  'unreachable',
  'bad-answer',
  'timeout',
  'buffer-full',
  'spool-full',
  'spool-failed',
] as const);

export interface PublishErrorDetails {
  status?: number | undefined;
  problem?: Problem | undefined;
  eventId?: string | undefined;
  cause?: unknown;
}

/**
 * What `publish()` and `publishBatch()` reject with. After `timeout`, `unreachable`, `aborted`, `closed` and
 * `bad-answer` the event may have been stored all the same: publish it again with the same `eventId`, never with a new
 * one, and the broker stores it once.
 */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly reason: PublishErrorReason;
  /** The broker's stable problem code, such as `event-id-conflict`; the reason when the broker gave none. */
  readonly code: string;
  /** The HTTP status of the last answer, when there was one. */
  readonly status: number | undefined;
  /** True when the same event may well be accepted later. */
  readonly retryable: boolean;
  /** The broker's own words (RFC 9457), when it gave any. */
  readonly problem: Problem | undefined;
  /** The id to publish the event again with; undefined for a batch and when there is no event yet. */
  readonly eventId: string | undefined;

  constructor(reason: PublishErrorReason, message: string, details: PublishErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.code = details.problem?.code ?? reason;
    this.status = details.status;
    this.retryable = retryable.has(reason);
    this.problem = details.problem;
    this.eventId = details.eventId;
  }
}

const refusals: ReadonlySet<PublishErrorReason> = new Set([
  'refused',
  'conflict',
  'too-large',
  'invalid-event',
] as const);

/** The broker's words for a request that never got to the events in it: the address of the broker is wrong. */
const ofTheAddress: ReadonlySet<string> = new Set(['route-not-found', 'method-not-allowed']);

/** True when the broker has decided about the event, and sending it again would change nothing. */
export const isRefusal = ({ reason, code }: PublishError): boolean => refusals.has(reason) && !ofTheAddress.has(code);

/** True when the key may publish, but not to the topic of the event: others get through. */
export const isOutOfScope = ({ status, code }: PublishError): boolean => status === 403 && code === 'forbidden';
