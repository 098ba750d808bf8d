import fc from 'fast-check';
import { isTimestamp, parseTimestamp } from './timestamp.js';

test('every moment JavaScript can print is one, and means that moment', () => {
  const date = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(fc.property(date, (moment) => parseTimestamp(moment.toISOString())?.getTime() === moment.getTime()));
});

test('whole seconds mean the moment that Date reads in them', () => {
  const seconds = fc.integer({
    min: Date.parse('0000-01-01T00:00:00Z') / 1000,
    max: Date.parse('9999-12-31T23:59:59Z') / 1000,
  });
  fc.assert(
    fc.property(seconds, (second) => {
      const text = new Date(second * 1000).toISOString().replace('.000', '');
      expect(parseTimestamp(text)?.getTime()).toBe(second * 1000);
    }),
  );
});

test.each([
  ['0099-12-31T23:59:59Z', '0099-12-31T23:59:59.000Z'],
  ['0000-01-01T00:00:00.007Z', '0000-01-01T00:00:00.007Z'],
  ['2016-12-31T23:59:60.250Z', '2016-12-31T23:59:59.250Z'],
  ['2026-10-03T10:20:30.1234Z', '2026-10-03T10:20:30.123Z'],
  ['2026-10-03T10:20:30+02:00', '2026-10-03T08:20:30.000Z'],
  ['2026-10-03t10:20:30.5z', '2026-10-03T10:20:30.500Z'],
  ['2026-10-03T10:20:30.123456789Z', '2026-10-03T10:20:30.123Z'],
  ['2024-02-29T00:00:00-00:00', '2024-02-29T00:00:00.000Z'],
  ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.000Z'],
])('%s is %s', (text, moment) => {
  expect(parseTimestamp(text)?.toISOString()).toBe(moment);
});

test.each([
  '2026-10-03',
  '2026-10-03T10:20:30',
  '2026-10-03 10:20:30Z',
  '2026-10-03T10:20Z',
  '2026-10-03T24:00:00Z',
  '2026-10-03T10:60:00Z',
  '2026-10-03T10:20:61Z',
  '2026-10-03T10:20:30.Z',
  '2026-10-03T10:20:30+0200',
  '2026-10-03T10:20:30+24:00',
  '2026-00-03T10:20:30Z',
  '2026-02-29T10:20:30Z',
  '1900-02-29T10:20:30Z',
  '2026-04-31T10:20:30Z',
  '2026-01-32T10:20:30Z',
  ' 2026-10-03T10:20:30Z',
  '2026-10-03T10:20:30Z\n',
  '٢٠٢٦-10-03T10:20:30Z',
])('%j is none', (text) => {
  expect(isTimestamp(text)).toBe(false);
  expect(parseTimestamp(text)).toBeUndefined();
});
