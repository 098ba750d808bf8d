import { HeadWatch } from './head-watch.js';

/** A log whose heads a test moves. */
function setup() {
  const heads = new Map<number, number>();
  let looks = 0;
  const reader = {
    heads: async (streamIds: readonly number[]) => {
      looks += 1;
      return new Map(streamIds.map((id) => [id, { seq: heads.get(id) ?? 0, at: new Date(0) }]));
    },
  };
  return { heads, looks: () => looks, watch: new HeadWatch({ reader }) };
}

test('a hint wakes those who wait for its stream, and nobody else', async () => {
  const { watch } = setup();
  const one = watch.waitForHead(new Map([[1, 4]]), 60_000);
  const other = watch.waitForHead(new Map([[2, 0]]), 60_000);
  watch.advance(new Map([[1, 5]]));
  expect(await one).toBe(true);
  watch.advance(new Map([[2, 1]]));
  expect(await other).toBe(true);
});

test('a hint about what was read already wakes nobody', async () => {
  const { watch } = setup();
  const waiting = watch.waitForHead(new Map([[1, 5]]), 60_000);
  watch.advance(new Map([[1, 5]]));
  await watch.stop();
  expect(await waiting).toBe(false);
});

test('a hint that came between reading and waiting is not missed', async () => {
  const { watch } = setup();
  watch.advance(new Map([[1, 5]]));
  expect(await watch.waitForHead(new Map([[1, 4]]), 60_000)).toBe(true);
});

test('without any hint the next look finds the event', async () => {
  const { watch, heads } = setup();
  const waiting = watch.waitForHead(
    new Map([
      [1, 4],
      [2, 0],
    ]),
    60_000,
  );
  heads.set(1, 5);
  expect(await watch.runOnce()).toEqual({ streams: 2 });
  expect(await waiting).toBe(true);
});

test('looks at nothing while nobody waits', async () => {
  const { watch, looks } = setup();
  expect(await watch.runOnce()).toEqual({ streams: 0 });
  expect(looks()).toBe(0);
});

test('a hint that was wrong is forgotten with the next look', async () => {
  const { watch } = setup();
  watch.advance(new Map([[1, 1_000]]));
  await watch.runOnce();
  const aborted = AbortSignal.abort();
  expect(await watch.waitForHead(new Map([[1, 4]]), 60_000, aborted)).toBe(false);
});

test('waiting ends with its time, or when it is aborted', async () => {
  const { watch } = setup();
  expect(await watch.waitForHead(new Map([[1, 4]]), 5)).toBe(false);
  expect(await watch.waitForHead(new Map([[1, 4]]), 0)).toBe(false);
  const abort = new AbortController();
  const waiting = watch.waitForHead(new Map([[1, 4]]), 60_000, abort.signal);
  abort.abort();
  expect(await waiting).toBe(false);
});
