import type { Request, Response } from 'express';
import { callerOf } from '../auth/callers.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import type { DryRunResponse, OperationResponse } from './operation.dto.js';
import type { Asking } from './operations.service.js';

/** @throws Problem validation-failed when the header is there but no key */
export function askingOf(http: Request, body: object): Asking {
  const header = http.headers['idempotency-key'];
  const key = idempotencyKey(Array.isArray(header) ? header.join(',') : header);
  return { keyId: callerOf(http)?.keyId ?? '', idempotencyKey: key, body };
}

/** 202 and where to look for what was begun; 200 for what was only tried. */
export function sendOperation<T extends OperationResponse | DryRunResponse>(response: Response, begun: T): T {
  if (begun.id === null) response.status(200);
  else response.status(202).location(`/v1/operations/${begun.id}`);
  return begun;
}
