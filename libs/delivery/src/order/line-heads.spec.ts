import type { FailingDelivery } from './failing-line-store.js';
import { LineHeads } from './line-heads.js';

const failing = (streamId: number, seq: number, key?: string): FailingDelivery => ({
  subscriptionId: 1,
  streamId,
  seq,
  eventId: `e${seq}`,
  key,
  attempts: 1,
  nextAttemptAt: new Date(0),
  error: undefined,
});
const all = [failing(1, 7, 'a'), failing(1, 3, 'a'), failing(1, 5), failing(1, 4, 'b'), failing(2, 9, 'c')];
const seqs = (heads: LineHeads) => heads.all.map(({ seq }) => seq);

test('by key, the first failing one of each key holds it back, and one without a key nobody', () => {
  const heads = new LineHeads('key', all);
  expect(seqs(heads)).toEqual([3, 4, 9]);
  expect(heads.blockerOf({ streamId: 1, key: 'a' })?.seq).toBe(3);
  expect(heads.blockerOf({ streamId: 2, key: 'a' })).toBeUndefined();
  expect(heads.blockerOf({ streamId: 1, key: undefined })).toBeUndefined();
});

test('strictly, the first failing one of the stream holds back everything', () => {
  const heads = new LineHeads('strict', all);
  expect(seqs(heads)).toEqual([3, 9]);
  expect(heads.blockerOf({ streamId: 1, key: 'z' })?.seq).toBe(3);
  expect(heads.blockerOf({ streamId: 1, key: undefined })?.seq).toBe(3);
});

test('without an order nothing holds anything back', () => {
  const heads = new LineHeads('none', all);
  expect(heads.all).toEqual([]);
  expect(heads.blockerOf({ streamId: 1, key: 'a' })).toBeUndefined();
});
