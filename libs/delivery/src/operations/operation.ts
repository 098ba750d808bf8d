import type { StreamRef } from '@hookcast/log';

/**
 * - redrive: dead letters are delivered again
 * - discard: dead letters are let go
 * - replay: past events are delivered again
 */
export type OperationKind = 'redrive' | 'discard' | 'replay';

/** `failed`: it could not be carried out, see `error`; deliveries that failed are counted, and the operation is `done`. */
export type OperationStatus = 'pending' | 'running' | 'done' | 'failed' | 'cancelled';

/** What narrows dead letters down. */
export interface DeadLetterFilter {
  reason?: string;
  fingerprint?: string;
  topic?: string;
  /** Given up at or after, RFC 3339. */
  from?: string;
  /** Given up before. */
  to?: string;
  /** CEL over the event. */
  expression?: string;
}

/** A dead letter among those of its subscription. */
export type DeadLetterKey = [streamId: number, seq: number];

/** Which dead letters: these, or all that pass the filter and were given up until a moment, so that it comes to an end. */
export type DeadLetterChoice =
  { of: 'keys'; keys: readonly DeadLetterKey[] } | { of: 'filter'; filter: DeadLetterFilter; until: string };

/** The events of a stream behind `after`, up to `upTo` inclusive. */
export interface ReplayRange {
  stream: StreamRef;
  after: number;
  upTo: number;
}

export interface ReplayRequest {
  of: 'replay';
  ranges: readonly ReplayRange[];
  /** CEL, on top of the subscription's own. */
  filter: string | null;
}

/** `asked` is a digest of the request that began it, to tell a repetition from another one under the same key. */
export type OperationRequest = (DeadLetterChoice | ReplayRequest) & { asked?: string };

/** How far an operation has come: the next key, the last dead letter, or the place in each range. */
export type OperationProgress =
  | { of: 'keys'; next: number }
  | { of: 'filter'; last: { at: string; streamId: number; seq: number } | null }
  | { of: 'replay'; places: readonly ReplayPlace[] };

export interface ReplayPlace {
  /** Of the last event that was looked at. */
  seq: number;
  /** When it was stored, unix milliseconds; days before need not be read. */
  at: number;
}

export interface Operation {
  id: string;
  namespace: string;
  kind: OperationKind;
  subscriptionId: number;
  /** Its name, which outlives it. */
  subscription: string;
  request: OperationRequest;
  /** Most deliveries a second; null for as fast as it goes. */
  rate: number | null;
  status: OperationStatus;
  /** Why it does not get on at the moment. */
  waitsFor: string | null;
  /** Deliveries a second that it may make at the moment, where that is less than its rate, and why; null otherwise. */
  pace: number | null;
  slowedBy: string | null;
  /** Dead letters or events in its range; a lower bound while there are too many to be counted. */
  total: number;
  /** Deliveries set going, settled or not. */
  fed: number;
  /** Delivered, or discarded. */
  done: number;
  /** Given up again, or their event was gone. */
  failed: number;
  /** Left out: filtered, not there any more, or already on their way. */
  skipped: number;
  progress: OperationProgress;
  /** Everything that is to be set going was. */
  isFed: boolean;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
  error: string | null;
}

export type NewOperation = Pick<
  Operation,
  'id' | 'namespace' | 'kind' | 'subscriptionId' | 'subscription' | 'request' | 'rate' | 'total' | 'createdBy'
> & { idempotencyKey: string | null };

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Only such a text may come into a statement. */
export const isOperationId = (text: string): boolean => uuid.test(text);

export function firstProgress(request: OperationRequest): OperationProgress {
  switch (request.of) {
    case 'keys':
      return { of: 'keys', next: 0 };
    case 'filter':
      return { of: 'filter', last: null };
    case 'replay':
      // Nothing is known of the time of the first event, so every day may hold it.
      return { of: 'replay', places: request.ranges.map(({ after }) => ({ seq: after, at: 0 })) };
  }
}
