import type { Request } from 'express';
import { callerOf } from '../auth/callers.js';
import { idempotencyKey } from '../http/idempotency-key.js';

/** Who asks, and under which key the request may be repeated. */
export interface Asking {
  keyId: string;
  idempotencyKey: string | undefined;
  /** What was asked for, to tell a repetition from another request under the same key. */
  body: object;
}

/** @throws Problem validation-failed when the header is there but no key */
export function askingOf(http: Request, body: object): Asking {
  const header = http.headers['idempotency-key'];
  const key = idempotencyKey(Array.isArray(header) ? header.join(',') : header);
  return { keyId: callerOf(http)?.keyId ?? '', idempotencyKey: key, body };
}
