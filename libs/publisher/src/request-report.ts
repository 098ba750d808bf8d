import type { PublishErrorReason } from './publish-error.js';

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

export interface PublisherHooks {
  /** Called after every request. What it throws is ignored. */
  onRequest?: ((report: RequestReport) => void) | undefined;
}
