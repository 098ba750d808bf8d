import { refuseHeaders } from './request-headers.js';

test('passes ordinary headers, again and again', () => {
  const headers = { 'content-type': 'application/json', 'webhook-id': 'abc', 'X-Custom': 'é\tü', empty: '' };
  expect(refuseHeaders(headers)).toBeUndefined();
  expect(refuseHeaders(headers)).toBeUndefined();
});

test.each([
  'host',
  'Host',
  'content-length',
  'Transfer-Encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'proxy-authorization',
])('refuses the reserved header %s', (name) => {
  expect(refuseHeaders({ [name]: 'x' })).toMatchObject({ error: 'other', detail: expect.stringContaining('reserved') });
});

test.each(['x\r\nHost', 'x\n', 'x:y', 'x y', '', 'x\0', 'ünder', 'x\u2028y'])('refuses the header name %j', (name) => {
  expect(refuseHeaders({ [name]: 'x' })).toMatchObject({ detail: expect.stringContaining('name') });
});

test.each(['a\r\nb: c', 'a\nb', 'a\rb', 'a\0b', 'a\u007f', 'a\u0100', 'a\u2028b', '\u0085x\u0007'])(
  'refuses the header value %j',
  (value) => {
    expect(refuseHeaders({ 'x-custom': value })).toMatchObject({ detail: expect.stringContaining('value') });
  },
);
