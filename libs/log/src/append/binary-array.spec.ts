import { byteaArray, textArray, timeArray } from './binary-array.js';

/** As `select array_send(...)` shows it, without the \\x. */
const hex = (buffer: Buffer | null) => buffer?.toString('hex');

test('writes text as array_send does', () => {
  // select array_send(array['a', null, 'ä']) in PostgreSQL 15
  expect(hex(textArray(['a', null, 'ä']))).toBe(
    '00000001000000010000001900000003000000010000000161ffffffff00000002c3a4',
  );
});

test('writes bytea as array_send does', () => {
  expect(hex(byteaArray([Buffer.from([0, 255]), Buffer.alloc(0)]))).toBe(
    '00000001000000000000001100000002000000010000000200ff00000000',
  );
});

test('writes times as microseconds since 2000', () => {
  expect(hex(timeArray([null, new Date('2000-01-01T00:00:00.001Z')]))).toBe(
    '0000000100000001000004a00000000200000001ffffffff0000000800000000000003e8',
  );
});

test('a column of nulls is null, and so is one without values', () => {
  expect([textArray([null, null]), byteaArray([null]), timeArray([null]), textArray([])]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});
