import { headerFault } from './hook-header-rules.js';

test.each([
  ['no headers', {}],
  ['an own header', { 'X-Team': 'billing' }],
])('%s is fine', (_, headers) => {
  expect(headerFault(headers)).toBeUndefined();
});

test.each([
  ['host', 'is a header that is not yours to set'],
  ['Content-Length', 'is a header that is not yours to set'],
  ['Transfer-Encoding', 'is a header that is not yours to set'],
  ['webhook-signature', 'is a header that is not yours to set'],
  ['hookcast-topic', 'is a header that is not yours to set'],
  ['ce-id', 'is a header that is not yours to set'],
  ['traceparent', 'is a header that is not yours to set'],
  ['X-Forwarded-For', 'is a header that is not yours to set'],
  ['Proxy-Authorization', 'is a header that is not yours to set'],
  ['cookie', 'is a header that is not yours to set'],
  ['Authorization', 'holds credentials, which belong into auth'],
  ['bad name', 'is not a header name'],
  ['é', 'is not a header name'],
  ['', 'is not a header name'],
])('the header %j is refused', (name, fault) => {
  expect(headerFault({ [name]: 'x' })).toMatch(new RegExp(`${fault}$`));
});

test.each([['a\r\nx-evil: 1'], ['a\0b'], [''], [' x'], ['é'], ['x'.repeat(1025)], [1], [null], [['a']]])(
  'the value %j is refused',
  (value) => {
    expect(headerFault({ 'x-team': value })).toBe('/x-team must be 1 to 1024 printable ASCII characters');
  },
);

test('one header in two spellings is refused, and so are too many', () => {
  expect(headerFault({ 'x-a': '1', 'X-A': '2' })).toBe('/x-a is given twice in different case');
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`x-${index}`, 'v']));
  expect(headerFault(many)).toBe('must have at most 20 headers');
  expect(headerFault([])).toBe('must be an object');
});
