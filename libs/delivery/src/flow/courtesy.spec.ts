import fc from 'fast-check';
import { atFullRate, bearableMs, givenWay, leastShare, type Courtesy, type LiveSample } from './courtesy.js';

const after = (courtesy: Courtesy, ...samples: readonly LiveSample[]): Courtesy => samples.reduce(givenWay, courtesy);
const alone = (waitMs: number): LiveSample => ({ waitMs, isBesideOthers: false });
const beside = (waitMs: number): LiveSample => ({ waitMs, isBesideOthers: true });
const noneLive: LiveSample = { waitMs: undefined, isBesideOthers: true };
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

test('live deliveries that wait longer than usual take away from the others, quickly', () => {
  const usual = after(atFullRate, alone(2));
  expect(after(usual, beside(2)).share).toBe(1);
  expect(after(usual, beside(20)).share).toBeCloseTo(0.7);
  expect(after(usual, ...times(3, beside(20))).share).toBeCloseTo(0.343);
});

test('however long they wait, a tenth is left', () => {
  expect(after(after(atFullRate, alone(2)), ...times(100, beside(1_000))).share).toBe(leastShare);
});

test('it is given back step by step when they wait no longer, or when there are none', () => {
  const least = { share: leastShare, usualMs: 2 };
  expect(after(least, beside(3)).share).toBeCloseTo(0.15);
  expect(after(least, noneLive, alone(50)).share).toBeCloseTo(0.2);
  expect(after(least, ...times(18, noneLive)).share).toBeCloseTo(1);
});

test('a busy machine is its own measure: what is usual is learned while nothing gives way', () => {
  const busy = after(atFullRate, ...times(50, alone(60)));
  expect(after(busy, beside(80)).share).toBe(1);
  expect(after(busy, beside(100)).share).toBeLessThan(1);
});

test('a long replay does not get used to its own effect', () => {
  const usual = after(atFullRate, alone(2));
  expect(after(usual, ...times(1_000, beside(30)))).toEqual({ share: leastShare, usualMs: 2 });
});

test('before anything is known of them, live deliveries are to be read within 15 ms', () => {
  expect(bearableMs()).toBe(15);
  expect(after(atFullRate, beside(14)).share).toBe(1);
  expect(after(atFullRate, beside(16)).share).toBeLessThan(1);
});

test('whatever happens, the share stays between a tenth and all, and comes back when live deliveries are well', () => {
  const sample = fc.record({
    waitMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
    isBesideOthers: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(sample), (samples) => {
      let courtesy = atFullRate;
      for (const one of samples) {
        courtesy = givenWay(courtesy, one);
        expect(courtesy.share).toBeGreaterThanOrEqual(leastShare);
        expect(courtesy.share).toBeLessThanOrEqual(1);
      }
      expect(after(courtesy, ...times(20, beside(courtesy.usualMs ?? 0))).share).toBe(1);
    }),
  );
});
