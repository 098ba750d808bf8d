/** Why a request did not do what it was to do. */
export interface Failure {
  /** 0 where no answer came. */
  status: number;
  code: string;
  detail: string;
  /** Of a body that was refused: which member, and why. */
  errors: readonly { pointer: string; detail: string }[];
}

/** Thrown by the client for every answer that is no success. */
export class RequestFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail);
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RequestFailed) return error.failure;
  const detail = error instanceof Error ? error.message : String(error);
  return { status: 0, code: 'no-answer', detail, errors: [] };
}

/** What happened, and what somebody can do about it. */
export function failureWords({ status, code, detail, errors }: Failure): { title: string; advice: string } {
  if (code === 'no-answer')
    return {
      title: 'The broker does not answer',
      advice: 'It is tried again by itself. Is the process running, and does the network reach it?',
    };
  if (status === 401)
    return { title: 'Your session is over', advice: 'Log in again; you will come back to this view.' };
  if (status === 403)
    return {
      title: 'Your key may not do this',
      advice: `${detail} Log in with a key that has it, or ask an admin for one.`,
    };
  if (status === 404)
    return { title: 'There is no such thing', advice: `${detail} It may have been deleted, or its time may be over.` };
  if (status === 429) return { title: 'Too many requests', advice: `${detail} Wait a moment.` };
  if (status >= 500)
    return { title: 'The broker cannot do this now', advice: `${detail} It is tried again by itself.` };
  const members = errors.map((one) => `${one.pointer.slice(1)} ${one.detail}`).join('; ');
  return { title: 'The broker refused this', advice: members === '' ? detail : members };
}
