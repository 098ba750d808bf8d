import type { Response } from 'express';
import type { DryRunResponse, OperationResponse } from './operation.dto.js';

/** 202 and where to look for what was begun; 200 for what was only tried. */
export function sendOperation<T extends OperationResponse | DryRunResponse>(response: Response, begun: T): T {
  if (begun.id === null) response.status(200);
  else response.status(202).location(`/v1/operations/${begun.id}`);
  return begun;
}
