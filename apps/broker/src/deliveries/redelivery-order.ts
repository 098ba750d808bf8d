import type { Subscription } from '@hookcast/database';
import { lineName, type DeliverySummary, type RedeliveryResult } from '@hookcast/delivery';

export const redeliveryOrders = ['none', 'kept', 'left'] as const;

/**
 * What becomes of the order of a delivery that is asked for again:
 * - none: it has no order
 * - kept: it stays in its place, and later events of its line wait for it
 * - left: its place has passed, or it had left the line before; it holds nothing back
 */
export type RedeliveryOrder = (typeof redeliveryOrders)[number];

export function redeliveryOrder(
  { ordering }: Pick<Subscription, 'ordering'>,
  { key }: Pick<DeliverySummary, 'key'>,
  result: RedeliveryResult,
): { order: RedeliveryOrder; orderReason: string } {
  if (lineName(ordering, key) === undefined) {
    const why = ordering === 'none' ? 'the subscription asks for no order' : 'the event has no key';
    return { order: 'none', orderReason: why };
  }
  const others = ordering === 'strict' ? 'later events of its stream' : 'later events of its key';
  if (result === 'requested')
    return { order: 'left', orderReason: `it is sent outside of its line: ${others} do not wait for it` };
  const what = result === 'hastened' ? 'its next attempt is brought forward' : 'it waits for its first attempt';
  return { order: 'kept', orderReason: `${what}, and ${others} go on waiting for it` };
}
