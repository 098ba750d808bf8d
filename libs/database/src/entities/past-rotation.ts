/** A rotation that was asked for under an idempotency key, so that a repetition of it is known for one. */
export interface PastRotation {
  /** SHA-256 of the idempotency key. */
  key: string;
  /** SHA-256 of what else was asked for. */
  asked: string;
  /** SHA-256 of the secret that it made. */
  made: string;
  /** Of an API key, which is not stored: what it was derived from, besides the idempotency and the encryption key. */
  salt?: string;
}
