import fc from 'fast-check';
import { headroom, judgeStorage, type StorageLimits, type StorageState } from './storage-limits.js';

const mebibyte = 1024 ** 2;
const limits: StorageLimits = { maxDatabaseBytes: 1000 * mebibyte, minFreeBytes: 100 * mebibyte };
const open: StorageState = { kind: 'open' };
const full: StorageState = { kind: 'full', reason: 'before' };
const judge = (before: StorageState, databaseMiB: number, freeMiB: number | undefined, growthMiB = 0) =>
  judgeStorage(
    before,
    { databaseBytes: databaseMiB * mebibyte, freeBytes: freeMiB === undefined ? undefined : freeMiB * mebibyte },
    { limits, growthBytes: growthMiB * mebibyte },
  );

test.each<[string, StorageState, number, number | undefined, number, StorageState['kind']]>([
  ['far from both limits', open, 100, 5000, 0, 'open'],
  ['within the reserve of the database', open, 951, 5000, 0, 'full'],
  ['so near that the next sample might be too late', open, 900, 5000, 30, 'full'],
  ['as near, but growing slowly', open, 900, 5000, 10, 'open'],
  ['little space left on the disk', open, 100, 99, 0, 'full'],
  ['a disk that cannot be seen', open, 100, undefined, 0, 'open'],
  ['full before, and only a little better', full, 930, 5000, 0, 'full'],
  ['full before, and clearly better', full, 890, 5000, 0, 'open'],
  ['a disk full before, and only a little better', full, 100, 104, 0, 'full'],
])('%s', (_, before, databaseMiB, freeMiB, growthMiB, kind) => {
  expect(judge(before, databaseMiB, freeMiB, growthMiB).kind).toBe(kind);
});

test('says which limit, in figures an operator can read', () => {
  expect(judge(open, 990, 5000)).toEqual({
    kind: 'full',
    reason: 'the database has 990 MiB of the 1000 MiB it may have',
  });
  expect(judge(open, 1, 12.34)).toMatchObject({ reason: 'the disk has 12.3 MiB free, and 100 MiB have to stay free' });
});

test('is never open at or above a limit, and always open without limits', () => {
  const sample = fc.record({ databaseBytes: fc.nat(2000 * mebibyte), freeBytes: fc.nat(2000 * mebibyte) });
  fc.assert(
    fc.property(sample, fc.nat(mebibyte), fc.constantFrom(open, full), (found, growthBytes, before) => {
      const { kind } = judgeStorage(before, found, { limits, growthBytes });
      const isAtLimit = found.databaseBytes >= 1000 * mebibyte || found.freeBytes <= 100 * mebibyte;
      if (isAtLimit) expect(kind).toBe('full');
      const none = { maxDatabaseBytes: undefined, minFreeBytes: 0 };
      expect(judgeStorage(before, found, { limits: none, growthBytes }).kind).toBe('open');
      expect(headroom(found, none)).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});
