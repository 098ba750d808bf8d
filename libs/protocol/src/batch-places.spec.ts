import fc from 'fast-check';
import { formatAttempts, formatPositions, parseAttempts, parsePositions } from './batch-places.js';

const at = (streamId: number, ...seqs: number[]) => seqs.map((seq) => ({ streamId, seq }));
const told = (places: readonly { streamId: number; seq: number }[]) =>
  places.map(({ streamId, seq }) => `${streamId}:${seq}`);

test.each([
  [at(3, 17), '3:17'],
  [at(3, 17, 18, 19), '3:17+1*2'],
  [at(3, 17, 18, 20, 22, 23), '3:17+1+2*2+1'],
  [at(3, 18, 17, 18), '3:18,3:17+1'],
  [at(3, 17, 17), '3:17,3:17'],
  [[...at(3, 17, 18), ...at(5, 19, 1), ...at(3, 20, 22)], '3:17+1,5:19,5:1,3:20+2'],
])('positions %j are %s', (places, text) => {
  expect(formatPositions(places)).toBe(text);
  expect(parsePositions(text, places.length)).toEqual(told(places));
});

test.each([
  [[1], '1'],
  [[2, 2, 2], '2*3'],
  [[1, 1, 2, 13, 1], '1*2,2,13,1'],
])('attempts %j are %s', (attempts, text) => {
  expect(formatAttempts(attempts)).toBe(text);
  expect(parseAttempts(text, attempts.length)).toEqual(attempts);
});

test('what is written is read again, whatever the streams and gaps', () => {
  const place = fc.record({ streamId: fc.integer({ min: 1, max: 3 }), seq: fc.integer({ min: 0, max: 40 }) });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 300 }), (places) => {
      expect(parsePositions(formatPositions(places) ?? '', places.length)).toEqual(told(places));
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 300 }), (attempts) => {
      expect(parseAttempts(formatAttempts(attempts) ?? '', attempts.length)).toEqual(attempts);
    }),
  );
});

test('a thousand events fit into a header, also those that a filter leaves; what does not fit is left out', () => {
  const every = (gap: (index: number) => number) => {
    let seq = 1_000_000;
    return at(3, ...Array.from({ length: 1_000 }, (_, index) => (seq += gap(index))));
  };
  expect(formatPositions(every(() => 1))).toBe('3:1000001+1*999');
  expect(formatPositions(every((index) => 1 + (index % 9)))?.length).toBeLessThan(2_100);
  expect(formatPositions(every((index) => 10_000 + index))).toBeUndefined();
  expect(formatAttempts(Array.from({ length: 1_000 }, (_, index) => 10 + (index % 2)))).toHaveLength(2_999);
});

// The headers are not signed: whoever sends a request again may have changed them.
test.each([
  '',
  '3',
  '17',
  '3:',
  ':17',
  '3:17+',
  '3:17-18',
  '3:17+1',
  '3:17+1*0+1',
  '3:1+1*999999',
  '3:1,4:1',
  '3:17,',
  'x:1',
  '3:1,,2',
  '3:17 ',
  '3:1+1*',
  '3:+1',
  `${'3:1,'.repeat(2_000)}3:1`,
])('positions of one event are not %j', (text) => expect(parsePositions(text, 1)).toBeUndefined());

test.each(['', 'x', '1*', '*2', '1*2', '1,1', '1*999999', '-1', '1.5', '1,'])(
  'attempts of one event are not %j',
  (text) => expect(parseAttempts(text, 1)).toBeUndefined(),
);
