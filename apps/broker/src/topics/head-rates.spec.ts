import { HeadRates } from './head-rates.js';

test('the rate is what came since the oldest sample of the last minute', () => {
  const rates = new HeadRates();
  rates.add(new Map([[1, 100]]), 0);
  rates.add(new Map([[1, 700]]), 60_000);
  rates.add(new Map([[1, 1000]]), 90_000);
  expect(rates.rate(new Map([[1, 1300]]), 120_000)).toBe(10);
});

test('a stream younger than the sample counts from its first event', () => {
  const rates = new HeadRates();
  rates.add(new Map(), 0);
  expect(rates.rate(new Map([[7, 30]]), 10_000)).toBe(3);
});

test('without samples there is no rate', () => {
  expect(new HeadRates().rate(new Map([[1, 5]]), 1000)).toBe(0);
});
