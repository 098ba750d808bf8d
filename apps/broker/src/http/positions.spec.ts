import { parsePositions } from './positions.js';

test('positions of several streams stand with commas between', () => {
  expect(parsePositions('12:345')).toEqual(new Map([[12, 345]]));
  expect(parsePositions('12:345,13:1')).toEqual(
    new Map([
      [12, 345],
      [13, 1],
    ]),
  );
});

test.each(['', '12', '12:', '12:1,', '12:1,12:2', '12:1 ,13:1', '2026-01-01T00:00:00Z'])('%j is none', (text) => {
  expect(parsePositions(text)).toBeUndefined();
});
