import fc from 'fast-check';
import { formatPosition, parsePosition } from './position.js';

test('a position survives being written and read', () => {
  const streamId = fc.integer({ min: 0, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(streamId, fc.maxSafeNat(), (stream, seq) => {
      expect(parsePosition(formatPosition(stream, seq))).toEqual({ streamId: stream, seq });
    }),
  );
});

test.each([
  '',
  '1',
  '1:',
  ':1',
  '1:2:3',
  '01:2',
  '1:02',
  '-1:2',
  '1:-2',
  '1.5:2',
  ' 1:2',
  '1:2 ',
  '2147483648:1',
  '1:9007199254740992',
  '١:٢',
])('%j is no position', (text) => {
  expect(parsePosition(text)).toBeUndefined();
});
