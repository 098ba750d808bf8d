/**
 * Why a request to a hook was refused:
 *
 * - `missing-header`, `malformed-header`, `too-many-signatures`: its signature headers are not those of Standard Webhooks
 * - `too-old`, `too-new`: its timestamp is further from the clock than the tolerance
 * - `no-match`: no key made this signature of these bytes
 * - `no-keys`: no secret and no public key is known yet, so nothing can be verified
 * - `id-mismatch`: its event, or its batch, is not the one that the signed `webhook-id` names
 * - `undeclared-topic`: it names a topic that its subscription was not declared for
 * - `malformed-event`: it is genuine, but carries no event that can be read
 * - `too-large`: its body is over the limit
 * - `body-consumed`: something read the body before the receiver, and kept no raw bytes
 * - `body-incomplete`: the connection ended before the body did
 */
export type RefusalReason =
  | 'missing-header'
  | 'malformed-header'
  | 'too-many-signatures'
  | 'too-old'
  | 'too-new'
  | 'no-match'
  | 'no-keys'
  | 'id-mismatch'
  | 'undeclared-topic'
  | 'malformed-event'
  | 'too-large'
  | 'body-consumed'
  | 'body-incomplete';

/** A refusal and what to write in the log about it; the sender is told neither. */
export interface Refusal {
  kind: 'refused';
  reason: RefusalReason;
  detail: string;
}

export const refused = (reason: RefusalReason, detail: string): Refusal => ({ kind: 'refused', reason, detail });

/** What {@link verifyHookRequest} throws. */
export class HookRequestError extends Error {
  override readonly name = 'HookRequestError';
  readonly reason: RefusalReason;
  /** The status to answer with, without a body: a forger learns nothing from it. */
  readonly status: number;

  constructor({ reason, detail }: Refusal) {
    super(detail);
    this.reason = reason;
    this.status = statusOf(reason);
  }
}

const statuses: Record<RefusalReason, number> = {
  'missing-header': 401,
  'malformed-header': 401,
  'too-many-signatures': 401,
  'too-old': 401,
  'too-new': 401,
  'no-match': 401,
  'no-keys': 503,
  'id-mismatch': 401,
  // As an event that no handler matches: a later version of the service may take it.
  'undeclared-topic': 404,
  'malformed-event': 400,
  'too-large': 413,
  'body-consumed': 500,
  'body-incomplete': 400,
};

/** 401 when the request does not prove who sent it, 4xx when it is otherwise wrong, 5xx when the fault is on this side. */
export const statusOf = (reason: RefusalReason): number => statuses[reason];
