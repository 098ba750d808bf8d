import type { Refusal, SourceResponse } from '@hookcast/sources';

/**
 * Why a sender's request was refused: a reason of the check itself (`signature-mismatch`, `too-old` …), or
 *
 * - `body-consumed`: something parsed the body before, and kept no raw bytes
 * - `body-incomplete`: the connection ended before the body did, or the body is not in its `Content-Encoding`
 * - `not-confirmed`: it is genuine, but the subscription it asks to confirm could not be confirmed
 */
export type SenderRefusal = Refusal | 'body-consumed' | 'body-incomplete' | 'not-confirmed';

/** What {@link verifyFrom} throws at a request that is not its sender's, or that cannot be checked. */
export class SenderRequestError extends Error {
  override readonly name = 'SenderRequestError';
  readonly reason: SenderRefusal;
  /** The status to answer with: 4xx when the request is at fault, 5xx when this side is and the sender shall try again. */
  readonly status: number;
  private readonly allow: readonly string[] | undefined;

  constructor(
    message: string,
    refusal: { readonly reason: SenderRefusal; readonly status: number; readonly allow?: readonly string[] },
  ) {
    super(message);
    this.reason = refusal.reason;
    this.status = refusal.status;
    this.allow = refusal.allow;
  }

  /** The answer, which tells a forger nothing. */
  get response(): SourceResponse {
    const headers: Record<string, string> = this.allow === undefined ? {} : { allow: this.allow.join(', ') };
    return { status: this.status, headers, body: '' };
  }
}
