import type { OutgoingMessage } from 'node:http';
import { uuidv7 } from '@hookcast/protocol';

export const requestIdHeader = 'x-request-id';

const acceptable = /^[\w.:-]{1,128}$/;

/** The caller's own id where it is harmless to repeat in headers and logs, else a new one. */
export function chooseRequestId(fromCaller: string | string[] | undefined): string {
  return typeof fromCaller === 'string' && acceptable.test(fromCaller) ? fromCaller : uuidv7();
}

/** The id of the request this response belongs to: it is set before anything else happens. */
export function requestIdOf(response: OutgoingMessage): string {
  const id = response.getHeader(requestIdHeader);
  return typeof id === 'string' ? id : 'unknown';
}
