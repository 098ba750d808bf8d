import fc from 'fast-check';
import { unstorableText } from './storable-text.js';

test.each([
  ['NUL', { a: '\u0000' }, '/a'],
  ['a high half', { a: ['x', '\ud800'] }, '/a/1'],
  ['a low half', [{ 'b/c': 'x\udfff' }], '/0/b~1c'],
  ['halves in the wrong order', { a: '\udc00\ud800' }, '/a'],
  ['a name', { a: { 'x\ud800': 1 } }, '/a'],
  ['the whole value', '\u0000', ''],
])('%s is found', (_, value, pointer) => {
  expect(unstorableText(value)).toBe(pointer);
});

test('whatever UTF-8 without NUL can say is fine', () => {
  const text = fc.string({ unit: 'binary' }).map((one) => one.replaceAll('\u0000', ''));
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: true }), text, (value, one) => {
      expect(unstorableText({ [one]: [one, value] })).toBeUndefined();
    }),
  );
});
