import { age, relative, spoken, withError } from './times.js';

const now = Date.parse('2026-05-04T10:00:00.000Z');

test('times are said as distances', () => {
  expect(relative('2026-05-04T09:59:48.000Z', now)).toBe('12 s ago');
  expect(relative('2026-05-04T10:03:00.000Z', now)).toBe('in 3 min');
  expect(relative('2026-05-04T10:00:00.400Z', now)).toBe('now');
  expect([age(null, now), age('2026-05-04T09:00:00Z', now), age('2026-05-04T10:00:09Z', now)]).toEqual([
    '–',
    '60 min',
    '0 ms',
  ]);
});

test('times within words of the broker are said so too', () => {
  expect(
    spoken('down since 2026-05-04T09:58:00.000Z, next probe at 2026-05-04T10:00:12Z; last failure: status 500', now),
  ).toBe('down for 2 min, next probe in 12 s; last failure: status 500');
  expect(spoken('the hook asked for quiet until 2026-05-04T10:15:00Z', now)).toBe(
    'the hook asked for quiet for another 15 min',
  );
  expect(spoken('no time in here', now)).toBe('no time in here');
});

test('a reason comes with its error, once', () => {
  expect(withError('given up: exhausted', 'status: 503')).toBe('given up: exhausted (status: 503)');
  expect(withError('status: 503', 'status: 503')).toBe('status: 503');
  expect(withError('the hook accepted it', null)).toBe('the hook accepted it');
});
