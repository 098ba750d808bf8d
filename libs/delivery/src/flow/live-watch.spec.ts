import { LiveWatch } from './live-watch.js';

function watched() {
  const time = { now: 0 };
  const watch = new LiveWatch({ monotonic: () => time.now });
  /** Half a second in which reads took so long. */
  const halfSecond = (reads: readonly number[], isBesideOthers: boolean) => {
    if (isBesideOthers) watch.besideOthers();
    for (const ms of reads) watch.liveRead(ms);
    time.now += 500;
    return watch.share;
  };
  return { watch, halfSecond };
}

test('one slow read among many is chance', () => {
  const { halfSecond } = watched();
  halfSecond([2, 2, 2], false);
  expect(halfSecond([...Array.from({ length: 19 }, () => 2), 90], true)).toBe(1);
  expect(halfSecond([2, 90, 90], true)).toBeCloseTo(0.7);
});

test('it says why less than all is allowed, for as long as it is so', () => {
  const { watch, halfSecond } = watched();
  halfSecond([2], false);
  expect(watch.reason).toBeUndefined();
  halfSecond([31], true);
  expect(watch.reason).toBe('live deliveries waited 31 ms to be read, 2 ms when nothing gives way to them');
  for (let step = 0; step < 6; step += 1) halfSecond([], true);
  expect(watch.reason).toBeUndefined();
});

test('nothing is decided more often than twice a second', () => {
  const time = { now: 0 };
  const watch = new LiveWatch({ monotonic: () => time.now });
  watch.besideOthers();
  watch.liveRead(1_000);
  expect(watch.share).toBe(1);
  time.now = 499;
  expect(watch.share).toBe(1);
  time.now = 500;
  expect(watch.share).toBeCloseTo(0.7);
  expect(watch.share).toBeCloseTo(0.7);
});
