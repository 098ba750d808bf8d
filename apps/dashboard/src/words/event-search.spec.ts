import { apiTime, shortlyBefore } from './event-search.js';

test('the newest events are read from a little before every head', () => {
  expect(shortlyBefore(['1:345', '2:7'], 50)).toBe('1:295,2:0');
});

test('a local time becomes one of the API, and no time none', () => {
  expect(apiTime('2026-05-04T10:00')).toBe(new Date(2026, 4, 4, 10).toISOString());
  expect([apiTime(''), apiTime(undefined), apiTime('soon')]).toEqual([undefined, undefined, undefined]);
});
