import { redeliveryOrder } from './redelivery-order.js';

test.each([
  ['none', 'a', 'requested', 'none', 'the subscription asks for no order'],
  ['key', undefined, 'hastened', 'none', 'the event has no key'],
  ['key', 'a', 'hastened', 'kept', /brought forward, and later events of its key go on waiting/],
  ['key', 'a', 'unsettled', 'kept', /first attempt, and later events of its key/],
  ['key', 'a', 'requested', 'left', /later events of its key do not wait/],
  ['strict', undefined, 'requested', 'left', /later events of its stream do not wait/],
] as const)('under %s with key %s, %s: %s', (ordering, key, result, order, reason) => {
  expect(redeliveryOrder({ ordering }, { key }, result)).toEqual({
    order,
    orderReason: expect.stringMatching(reason),
  });
});
