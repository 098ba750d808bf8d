import fc from 'fast-check';
import { partitionOf } from './partition.js';

// Published FNV-1a (32 bit) values; the modulus of 2 ** 32 shows the hash itself.
test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('hashes %j as FNV-1a does', (id, hash) => {
  expect(partitionOf({ id }, 2 ** 32)).toBe(hash);
});

test('the partition of a key is part of the stored format', () => {
  expect(['orders-1', 'orders-2', 'kunde-ä', '顧客'].map((key) => partitionOf({ id: 'x', key }, 4))).toEqual([
    2, 3, 2, 3,
  ]);
});

test('events of one key share a partition whatever their ids', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.integer({ min: 1, max: 64 }), (key, a, b, partitions) => {
      const partition = partitionOf({ id: a, key }, partitions);
      expect(partition).toBe(partitionOf({ id: b, key }, partitions));
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(partitions);
    }),
  );
});

test('hashes UTF-8 bytes, so that another language finds the same partition', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (key) => {
      let hash = 0x811c9dc5;
      for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
      expect(partitionOf({ id: 'x', key }, 2 ** 32)).toBe(hash);
    }),
  );
});

test('spreads ids evenly', () => {
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 4_000; index += 1) {
    const partition = partitionOf({ id: `01932b3e-0000-7000-8000-${String(index).padStart(12, '0')}` }, 4);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
