import fc from 'fast-check';
import { SettledRanges } from './settled-ranges.js';

const settle = (ranges: SettledRanges, ...seqs: number[]) => {
  for (const seq of seqs) ranges.add(seq, seq * 10);
};

test.each<[string, number[], number, string]>([
  ['in order moves the mark', [1, 2, 3], 3, '{}'],
  ['with a hole keeps what is beyond it', [1, 3], 1, '{[3,4)}'],
  ['next to each other is one range', [3, 4, 6], 0, '{[3,5),[6,7)}'],
  ['in reverse is one range', [6, 5, 4], 0, '{[4,7)}'],
  ['between two ranges joins them', [3, 5, 4], 0, '{[3,6)}'],
  ['that fills the hole moves the mark beyond it', [2, 3, 5, 1], 3, '{[5,6)}'],
  ['twice changes nothing', [2, 2, 2], 0, '{[2,3)}'],
])('settling %s', (_name, seqs, low, above) => {
  const ranges = new SettledRanges(0, 0);
  settle(ranges, ...seqs);
  expect(ranges.low).toBe(low);
  expect(ranges.aboveText()).toBe(above);
});

test('reads back what it wrote, and drops what lies below the mark', () => {
  expect(SettledRanges.parse(4, 40, '{[6,8),[10,11)}').aboveText()).toBe('{[6,8),[10,11)}');
  expect(SettledRanges.parse(7, 40, '{[6,8),[10,11)}').aboveText()).toBe('{[10,11)}');
  expect(SettledRanges.parse(5, 40, '{[6,8),[10,11)}').low).toBe(7);
  expect(SettledRanges.parse(0, Number.NEGATIVE_INFINITY, '{}').low).toBe(0);
});

test('the time of the mark is that of the event at the mark, however the mark came there', () => {
  const ranges = new SettledRanges(0, Number.NEGATIVE_INFINITY);
  settle(ranges, 2, 3, 1);
  expect(ranges.lowAt).toBe(30);
  ranges.addRange(4, 9, 95);
  expect([ranges.low, ranges.lowAt]).toEqual([9, 95]);
});

test('agrees with a set of numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5 }))), (steps) => {
      const ranges = new SettledRanges(0, 0);
      const model = new Set<number>();
      for (const [first, length] of steps) {
        ranges.addRange(first, first + length, (first + length) * 10);
        for (let seq = first; seq <= first + length; seq += 1) model.add(seq);
        let low = 0;
        while (model.has(low + 1)) low += 1;
        expect(ranges.low).toBe(low);
        expect(ranges.lowAt).toBe(low * 10);
        expect(ranges.highest).toBe(Math.max(low, ...model));
      }
      for (let seq = 1; seq <= 70; seq += 1) expect(ranges.has(seq)).toBe(model.has(seq));
      const again = SettledRanges.parse(ranges.low, ranges.lowAt, ranges.aboveText());
      for (let seq = 1; seq <= 70; seq += 1) expect(again.has(seq)).toBe(model.has(seq));
    }),
  );
});
