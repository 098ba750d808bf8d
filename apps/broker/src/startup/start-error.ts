/** Why the broker cannot start, in words for an operator; no stack helps with it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
