import type { PublishError, PublishErrorReason } from './publish-error.js';

/** One publish request and what became of it, for metrics and logs. */
export interface RequestReport {
  topic: string;
  events: number;
  /** Of the request's body. */
  bytes: number;
  /** 1 when its events are sent for the first time. */
  attempt: number;
  durationMs: number;
  /** `split`: the broker refused the request for some of its events, and the others are sent again without them. */
  outcome: 'stored' | 'retry' | 'split' | 'refused';
  /** The HTTP status, when there was an answer. */
  status: number | undefined;
  /** Why nothing was stored. */
  reason: PublishErrorReason | undefined;
}

/** An event that the broker refused when it came out of the spool. It is kept in `rejected.jsonl` beside the spool. */
export interface RejectedEvent {
  topic: string;
  id: string;
  error: PublishError;
}

/** The spool after something has gone in or out. */
export interface SpoolReport {
  events: number;
  bytes: number;
}

export interface PublisherHooks {
  /** Called after every request. What it throws is ignored. */
  onRequest?: ((report: RequestReport) => void) | undefined;
  /** Called when events go into the spool, and when the broker has taken some out of it. */
  onSpool?: ((report: SpoolReport) => void) | undefined;
  /** Called for an event that nobody waits for any more and the broker does not want. */
  onRejected?: ((event: RejectedEvent) => void) | undefined;
  /**
   * Called when the spool cannot be read, the broker's refusals cannot be written down, or the broker does not take the
   * key (a `PublishError`: 401, or 403 for a topic outside of its scope). The events stay and are tried again.
   */
  onSpoolError?: ((error: unknown) => void) | undefined;
  /** Called with the files of damaged records that were found when the spool was opened. */
  onDamaged?: ((files: readonly string[]) => void) | undefined;
}
