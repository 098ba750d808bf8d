import { RecentChanges } from './recent-changes.js';

/** A read that ends when told, and then reports which of the keys it takes for changed. */
function startRead(changes: RecentChanges, keys: string[]) {
  let finish = () => {};
  const gate = new Promise<void>((resolve) => (finish = resolve));
  const changed: string[] = [];
  const done = changes.reading(
    async () => gate,
    (_result, hasChanged) => void changed.push(...keys.filter(hasChanged)),
  );
  return async () => {
    finish();
    await done;
    return changed;
  };
}

test('a change before a read is seen by it, one during it is not', async () => {
  const changes = new RecentChanges();
  changes.note('before');
  const end = startRead(changes, ['before', 'during', 'never']);
  changes.note('during');
  expect(await end()).toEqual(['during']);
});

test('with reads that overlap, each knows what changed since its own beginning', async () => {
  const changes = new RecentChanges();
  const endFirst = startRead(changes, ['a', 'b']);
  changes.note('a');
  const endSecond = startRead(changes, ['a', 'b']);
  changes.note('b');
  expect(await endFirst()).toEqual(['a', 'b']);
  expect(await endSecond()).toEqual(['b']);
});

test('a chain of overlapping reads forgets what all of them have seen', async () => {
  const changes = new RecentChanges();
  let end = startRead(changes, []);
  for (let round = 0; round < 100; round += 1) {
    changes.note(`key ${round}`);
    const next = startRead(changes, ['key 0', `key ${round}`, 'key 99']);
    await end();
    end = next;
  }
  changes.note('key 99');
  expect(await end()).toEqual(['key 99', 'key 99']);
  expect(changes.readsUnderWay).toBe(0);
});

test('a read that fails counts as ended', async () => {
  const changes = new RecentChanges();
  await expect(
    changes.reading(
      async () => Promise.reject(new Error('away')),
      () => {},
    ),
  ).rejects.toThrow('away');
  expect(changes.readsUnderWay).toBe(0);
});
