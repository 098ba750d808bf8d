import { isEventId } from '@hookcast/protocol';
import { invalid } from './validation.js';

/** @throws Problem validation-failed when the header is there but no key */
export function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || isEventId(header)) return header;
  throw invalid([{ pointer: '/idempotency-key', detail: 'must be 1 to 128 visible ASCII characters without space' }]);
}
