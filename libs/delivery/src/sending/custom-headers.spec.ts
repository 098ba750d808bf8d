import fc from 'fast-check';
import { customHeaders, isReservedHeader, reservedHeaders } from './custom-headers.js';

const concrete = reservedHeaders.map((name) => name.replace('*', 'x'));

test('what the broker, the framing, proxies or credentials own is reserved', () => {
  expect(concrete).toEqual(expect.arrayContaining(['host', 'content-x', 'webhook-x', 'hookcast-x', 'authorization']));
  expect(concrete.length).toBeGreaterThan(25);
});

test.each(concrete)('the reserved header %s is not sent, however it is spelt', (name) => {
  for (const spelling of [name, name.toUpperCase(), name.replace(/^./, (first) => first.toUpperCase())]) {
    expect(isReservedHeader(spelling)).toBe(true);
    expect(customHeaders({ [spelling]: 'v', 'x-own': 'w' })).toEqual({ 'x-own': 'w' });
  }
});

test.each([
  ['x y', 'x'],
  ['x\r\nhost', 'x'],
  ['', 'x'],
  ['é', 'x'],
  ['x-token', 'a\r\nb: c'],
  ['x-token', 'a\0'],
  ['x-token', '\u0100'],
])('the malformed header %j: %j is not sent', (name, value) => {
  expect(customHeaders({ [name]: value })).toEqual({});
});

test.each([
  ['X-Tenant', 'é'],
  ['via-us', 'x'],
  ['contents', 'x'],
  ['dated', 'x'],
  ['origins', 'bus.example'],
])('the header %s: %j is sent', (name, value) => {
  expect(customHeaders({ [name]: value })).toEqual({ [name.toLowerCase()]: value });
});

test('whatever is stored, only names of HTTP and values of one line are sent', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (headers) => {
      for (const [name, value] of Object.entries(customHeaders(headers))) {
        expect(name).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/);
        expect(value).not.toMatch(/[\r\n\0]/);
      }
    }),
  );
});
