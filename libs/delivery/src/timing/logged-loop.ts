import { errorText, type DeliveryLog } from '../delivery-log.js';
import { Loop } from './loop.js';

const retryMs = 500;

/** A loop whose failures are told with its name: the 1st, 2nd, 4th, 8th ..., so that an outage shows and does not flood the log. */
export function loggedLoop(
  lines: DeliveryLog,
  name: string,
  everyMs: number | (() => number),
  work: () => Promise<unknown>,
): Loop {
  const onError = (error: unknown, failures: number) => {
    if ((failures & (failures - 1)) !== 0) return;
    lines.warn('delivery.loop-failed', { loop: name, failures, error: errorText(error) });
  };
  return new Loop(work, { everyMs, retryMs, onError });
}
