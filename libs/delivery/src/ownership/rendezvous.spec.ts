import fc from 'fast-check';
import { shareOut, type SharedStream } from './rendezvous.js';

const topic = (topicId: number, partitions: number): SharedStream[] =>
  Array.from({ length: partitions }, (_, index) => ({ streamId: topicId * 100 + index, topicId }));
const many = Array.from({ length: 200 }, (_, index) => topic(index + 1, 4)).flat();
const workers = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 8 });

test('nobody gets anything when nobody is alive', () => {
  expect(shareOut(many, []).size).toBe(0);
});

test('every stream has one owner, whatever the order in which workers and streams are named', () => {
  fc.assert(
    fc.property(workers, fc.shuffledSubarray(many, { minLength: many.length }), (ids, shuffled) => {
      const owners = shareOut(many, ids);
      expect(owners.size).toBe(many.length);
      expect(shareOut(shuffled, ids.toReversed())).toEqual(owners);
    }),
    { numRuns: 20 },
  );
});

test('the partitions of a topic spread evenly', () => {
  fc.assert(
    fc.property(workers, fc.integer({ min: 1, max: 64 }), (ids, partitions) => {
      const counts = new Map<string, number>();
      for (const owner of shareOut(topic(1, partitions), ids).values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(Math.ceil(partitions / ids.length));
    }),
  );
});

test('a worker that leaves moves mostly its own streams', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 3, maxLength: 8 }), (ids) => {
      const before = shareOut(many, ids);
      const after = shareOut(many, ids.slice(1));
      const moved = many.filter(({ streamId }) => before.get(streamId) !== after.get(streamId)).length;
      const own = [...before.values()].filter((owner) => owner === ids[0]).length;
      expect(moved).toBeGreaterThanOrEqual(own);
      expect(moved - own).toBeLessThan(many.length * 0.35);
    }),
    { numRuns: 20 },
  );
});
