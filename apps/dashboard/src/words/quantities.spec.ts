import { bytes, counted, duration, percent, rate } from './quantities.js';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1200, '1.2 s'],
  [75_000, '75 s'],
  [180_000, '3 min'],
  [7_500_000, '2 h 5 min'],
  [36_000_000, '10 h'],
  [432_000_000, '5 d'],
])('%i ms are %s', (ms, words) => expect(duration(ms)).toBe(words));

test('a share that is not all is never shown as 100 %', () => {
  expect([percent(1), percent(0.99999), percent(0)]).toEqual(['100 %', '99.9 %', '0 %']);
});

test('figures are as exact as it matters', () => {
  expect([rate(0.34), rate(12.3), rate(1234.4)]).toEqual(['0.3', '12', '1,234']);
  expect([bytes(512), bytes(1536), bytes(72 * 1024 ** 3)]).toEqual(['512 B', '1.5 KiB', '72 GiB']);
  expect([counted(1, 'event'), counted(2, 'delivery', 'deliveries')]).toEqual(['1 event', '2 deliveries']);
});
