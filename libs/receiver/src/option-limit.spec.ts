import { generateSecret } from '@hookcast/protocol';
import { optionLimit } from './option-limit.js';
import { createReceiver } from './receiver.js';
import { checkSenderOptions } from './verify-from.js';

test.each([0, 1, 300.5, Infinity])('%s is a limit', (value) => {
  expect(optionLimit('tolerance', value, 0)).toBe(value);
});

test.each([Number.NaN, -1, -Infinity])('%s is none', (value) => {
  expect(() => optionLimit('tolerance', value, 0)).toThrow(`tolerance must be a number of at least 0, not ${value}`);
});

test.each([
  { toleranceSeconds: Number.NaN },
  { toleranceSeconds: -1 },
  { maxBodyBytes: Number.NaN },
  { maxBodyBytes: 0 },
  { concurrency: Number.NaN },
])('a receiver with %s is not made', (options) => {
  expect(() => createReceiver({ secrets: [generateSecret()], ...options })).toThrow(RangeError);
});

test('options of a sender with a limit that is none are a mistake', () => {
  const options = { secrets: ['shh'], maxBodyBytes: Number.NaN };
  expect(() => checkSenderOptions('github', options)).toThrow(RangeError);
});
