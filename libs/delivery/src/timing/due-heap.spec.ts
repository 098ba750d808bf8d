import fc from 'fast-check';
import { DueHeap } from './due-heap.js';

test('gives out what is due, earliest first, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.integer({ min: 0, max: 100 }), (times, now) => {
      const heap = new DueHeap<{ at: number }>();
      for (const at of times) heap.push({ at });
      expect(heap.nextAt).toBe(Math.min(Number.POSITIVE_INFINITY, ...times));
      const taken: number[] = [];
      for (let item = heap.popDue(now); item !== undefined; item = heap.popDue(now)) taken.push(item.at);
      expect(taken).toEqual(times.filter((at) => at <= now).toSorted((a, b) => a - b));
      expect(heap.size).toBe(times.length - taken.length);
    }),
  );
});
