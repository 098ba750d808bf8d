import fc, { type Arbitrary } from 'fast-check';

const starts = [
  'GET /health/live HTTP/1.1',
  'POST /v1/topics/orders.created/events HTTP/1.1',
  'GET / HTTP/9.9',
  'GET  /  HTTP/1.1',
  'GET /\u0000 HTTP/1.1',
  'GET http://127.0.0.1@evil/ HTTP/1.1',
  'GET * HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'CONNECT 127.0.0.1:5432 HTTP/1.1',
  'GET //v1//topics HTTP/1.1',
  'GET /%ff%fe HTTP/1.0',
  'PRI * HTTP/2.0',
  'NONSENSE',
  `GET /${'a'.repeat(20_000)} HTTP/1.1`,
];

const lines = [
  'Host: a',
  'Host: b',
  'Host:',
  'Content-Length: 5',
  'Content-Length: 5, 6',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding : chunked',
  ' folded: line',
  'no colon',
  ': empty name',
  'x\u0000y: z',
  'Expect: 100-continue',
  'Expect: the unexpected',
  'Upgrade: websocket',
  'Connection: upgrade, close',
  'Content-Type: application/json',
  `X-Long: ${'a'.repeat(17_000)}`,
  ...Array.from({ length: 3 }, () => 'X-Many: 1\r\n'.repeat(150).trimEnd()),
];

const bodies = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  'zz\r\n',
  'ffffffffffffffffff\r\n',
  '0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
  '{"a":',
];

/** Bytes to an HTTP server that are seldom HTTP: heads, framing and ends that contradict each other. */
export const malformedRequest: Arbitrary<Buffer> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...starts),
        fc.array(fc.constantFrom(...lines), { maxLength: 5 }),
        fc.constantFrom('\r\n', '\n', '\r'),
        fc.constantFrom(...bodies),
      )
      .map(([start, head, end, body]) => Buffer.from([start, ...head, '', body].join(end), 'latin1')),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)) },
);
