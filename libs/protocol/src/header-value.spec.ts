import fc from 'fast-check';
import { anyText } from '../test/arbitraries.js';
import { decodeHeaderValue, encodeHeaderValue } from './header-value.js';

test('an attribute value comes back from a header of visible ASCII', () => {
  fc.assert(
    fc.property(anyText(30), (value) => {
      const header = encodeHeaderValue(value);
      expect(header).toMatch(/^[\x21\x23-\x7e]*$/);
      expect(decodeHeaderValue(header)).toBe(value);
    }),
    { numRuns: 500 },
  );
});

// The example of the HTTP binding, §3.1.3.2.
test('the example of the specification is encoded as it says', () => {
  expect(encodeHeaderValue('Euro € 😀')).toBe('Euro%20%E2%82%AC%20%F0%9F%98%80');
  expect(encodeHeaderValue('"50%"')).toBe('%2250%25%22');
});

test.each([
  ['%e2%82%ac', '€'],
  ['"quoted \\"text\\""', 'quoted "text"'],
  ['"', '"'],
  ['a b', 'a b'],
  ['%2525', '%25'],
  ['\xe2\x82\xac', '€'],
  ['%EF%BB%BFa', '\ufeffa'],
  ['%', undefined],
  ['%4', undefined],
  ['%G0', undefined],
  ['%C3', undefined],
  ['%C0%AF', undefined],
  ['\xe9', undefined],
  ['€', undefined],
])('the header %j is read as %j', (header, value) => {
  expect(decodeHeaderValue(header)).toBe(value);
});
