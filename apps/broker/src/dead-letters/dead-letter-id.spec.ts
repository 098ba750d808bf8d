import { formatDeadLetterId, parseDeadLetterId } from './dead-letter-id.js';

test('an id names its dead letter', () => {
  const place = { subscriptionId: 7, streamId: 12, seq: 345 };
  expect(formatDeadLetterId(place)).toBe('dl_7_12_345');
  expect(parseDeadLetterId('dl_7_12_345')).toEqual(place);
});

test.each([
  '',
  'dl_7_12',
  'dl_0_1_1',
  'dl_07_1_1',
  'dl_7_12_345 ',
  'dl_99999999999_1_1',
  'dl_4294967296_1_1',
  'order-1',
])('%j is no id of a dead letter', (text) => {
  expect(parseDeadLetterId(text)).toBeUndefined();
});
