import { barsOf, peakOf } from './hour.js';

test('the last hour has a bar a minute, empty ones too', () => {
  const minute = Date.parse('2026-05-04T10:00:00Z');
  const bars = barsOf([{ minute: '2026-05-04T09:59:00.000Z', delivered: 3, failed: 1, dead: 1 }], minute);
  expect(bars).toHaveLength(60);
  expect(bars.at(-2)).toMatchObject({ delivered: 3, failed: 2 });
  expect(peakOf(bars)).toBe(5);
});
