import { Contention } from './contention.js';

test('a stream counts as contended for a minute after it was seen to be', () => {
  let now = 0;
  const contention = new Contention(() => now);
  expect(contention.isContended(1)).toBe(false);
  contention.noticed([1, 2]);
  now = 59_999;
  expect([1, 2, 3].map((streamId) => contention.isContended(streamId))).toEqual([true, true, false]);
  contention.noticed([2]);
  now = 60_000;
  expect([1, 2].map((streamId) => contention.isContended(streamId))).toEqual([false, true]);
});
