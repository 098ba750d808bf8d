import { HookClient, type HookResponse } from '@hookcast/egress';
import fc from 'fast-check';
import { rawHook } from '../support/raw-hook.js';
import { until } from '../support/until.js';

/*
 * Hooks that do not speak HTTP properly, as scripts of raw bytes. Whatever they send: the request ends before its
 * deadline and some slack, the process lives (an uncaught error fails the whole file), and no connection is left over.
 */
const timeoutMs = 400;
/** Of an answer that ends by itself, which must not end at the deadline of a busy machine. */
const patientMs = 20_000;
const slackMs = 15_000;

interface Outcome {
  response: HookResponse;
  elapsedMs: number;
}

async function play(bytes: string | Buffer, ending: 'close' | 'reset' | 'stay' = 'close'): Promise<Outcome> {
  const hook = await rawHook({
    onRequest: (socket) => {
      socket.write(bytes);
      if (ending === 'close') socket.end();
      if (ending === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
    },
  });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  const began = performance.now();
  const response = await client.post({
    url: hook.url,
    headers: {},
    body: Buffer.from('x'),
    timeoutMs: ending === 'stay' ? timeoutMs : patientMs,
  });
  const elapsedMs = performance.now() - began;
  if (ending !== 'close') await until(() => client.counts.open === client.counts.idle, { what: 'no busy connection' });
  await client.destroy();
  await hook.close();
  return { response, elapsedMs };
}

const summary = ({ response, elapsedMs }: Outcome) => {
  expect(elapsedMs).toBeLessThan(patientMs);
  return response.kind === 'answered'
    ? `${response.status}${response.bodyError === undefined ? '' : ' cut'}`
    : response.error;
};

const crlf = '\r\n\r\n';

test.each<[string, string | Buffer, string]>([
  ['nothing at all', '', 'reset'],
  ['plain text', 'hello\n', 'protocol'],
  ['a TLS alert', Buffer.from('15030300020228', 'hex'), 'protocol'],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9.2\r\n', 'protocol'],
  ['random bytes', Buffer.from('00ff8001fe7f', 'hex'), 'protocol'],
  ['half a status line', 'HTTP/1.1 2', 'reset'],
  ['a status line without a reason', `HTTP/1.1 200\r\ncontent-length: 0${crlf}`, '200'],
  ['HTTP/1.0', `HTTP/1.0 200 OK${crlf}body to the end`, '200'],
  ['HTTP/0.9', '<html>hello</html>', 'protocol'],
  ['a status line of HTTP/2', `HTTP/2.0 200 OK${crlf}`, '200'],
  ['a status of two digits', `HTTP/1.1 99 Odd\r\ncontent-length: 0${crlf}`, 'protocol'],
  ['a status of four digits', `HTTP/1.1 2000 OK\r\ncontent-length: 0${crlf}`, 'protocol'],
  ['a status that is no number', `HTTP/1.1 abc OK\r\ncontent-length: 0${crlf}`, 'protocol'],
  ['status 999', `HTTP/1.1 999 Odd\r\ncontent-length: 0${crlf}`, '999'],
  ['a header without a colon', `HTTP/1.1 200 OK\r\nnonsense${crlf}`, 'protocol'],
  ['a header with a space in its name', `HTTP/1.1 200 OK\r\na b: c${crlf}`, 'protocol'],
  ['NUL in a header value', `HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0${crlf}`, 'protocol'],
  ['a content-length that is no number', `HTTP/1.1 200 OK\r\ncontent-length: abc${crlf}`, 'protocol'],
  ['a negative content-length', `HTTP/1.1 200 OK\r\ncontent-length: -1${crlf}`, 'protocol'],
  ['a content-length beyond 64 bits', `HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999${crlf}`, 'protocol'],
  ['two different content-lengths', `HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2${crlf}ab`, 'protocol'],
  [
    'content-length and chunked at once',
    `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked${crlf}0${crlf}`,
    'protocol',
  ],
  ['a body shorter than announced', `HTTP/1.1 200 OK\r\ncontent-length: 10${crlf}abc`, '200 cut'],
  ['a body longer than announced', `HTTP/1.1 200 OK\r\ncontent-length: 1${crlf}abc`, '200'],
  ['chunks', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}3\r\nabc\r\n0${crlf}`, '200'],
  ['a chunk size that is no number', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}zz\r\n`, '200 cut'],
  [
    'a chunk size beyond 64 bits',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}ffffffffffffffffff\r\n`,
    '200 cut',
  ],
  ['chunks that break off', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}a\r\nabc`, '200 cut'],
  ['an unknown transfer-encoding', `HTTP/1.1 200 OK\r\ntransfer-encoding: gzip${crlf}abc`, '200'],
  ['trailers', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}0\r\nhookcast-verdict: drop${crlf}`, '200'],
  [
    'a switch of protocols',
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade${crlf}`,
    'protocol',
  ],
  [
    'a 100 that nobody asked for',
    `HTTP/1.1 100 Continue${crlf}HTTP/1.1 200 OK\r\ncontent-length: 0${crlf}`,
    'protocol',
  ],
  ['early hints, then an answer', `HTTP/1.1 103 Early Hints\r\nlink: </a>${crlf}HTTP/1.1 204 No Content${crlf}`, '204'],
  ['nothing but early hints', `HTTP/1.1 103 Early Hints${crlf}`.repeat(5), 'reset'],
  ['a flood of early hints', `HTTP/1.1 103 Early Hints${crlf}`.repeat(10_000), 'protocol'],
  ['headers of more than 16 KiB', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(17_000)}${crlf}`, 'protocol'],
  ['two thousand headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(2000)}\r\n`, 'protocol'],
  ['twenty thousand nameless headers', `HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(20_000)}\r\n`, 'protocol'],
  [
    'trailers of more than 16 KiB',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}0\r\n${'a: b\r\n'.repeat(10_000)}`,
    '200 cut',
  ],
  [
    'two answers at once',
    `HTTP/1.1 200 OK\r\ncontent-length: 0${crlf}HTTP/1.1 500 Oops\r\ncontent-length: 0${crlf}`,
    '200',
  ],
  ['bare line feeds', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n', 'protocol'],
  ['a folded header', `HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0${crlf}`, 'protocol'],
  [
    'a redirect, which is not followed',
    `HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0${crlf}`,
    '302',
  ],
  ['a body to a 204', `HTTP/1.1 204 No Content\r\ncontent-length: 5${crlf}hello`, '204 cut'],
])('%s', async (_what, bytes, expected) => {
  expect(summary(await play(bytes))).toBe(expected);
});

test.each<[string, string, string]>([
  ['in silence', '', 'timeout'],
  ['in the status line', 'HTTP/1.1 200 O', 'timeout'],
  ['in the headers', 'HTTP/1.1 200 OK\r\nab', 'timeout'],
  ['in a counted body', `HTTP/1.1 200 OK\r\ncontent-length: 9${crlf}abc`, '200 cut'],
  ['in a body that ends with the connection', `HTTP/1.1 200 OK${crlf}abc`, '200 cut'],
  ['in a body of HTTP/1.0', `HTTP/1.0 200 OK${crlf}abc`, '200 cut'],
  ['in a chunk', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}9\r\nabc`, '200 cut'],
  ['before the last chunk', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}3\r\nabc\r\n`, '200 cut'],
])('a connection that stays open %s ends at the deadline', async (_what, bytes, expected) => {
  expect(summary(await play(bytes, 'stay'))).toBe(expected);
});

test.each<[string, string, string]>([
  ['in silence', '', 'reset'],
  ['in the headers', 'HTTP/1.1 200 OK\r\nab', 'reset'],
  ['in a counted body', `HTTP/1.1 200 OK\r\ncontent-length: 9${crlf}abc`, '200 cut'],
  ['in a chunk', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}9\r\nabc`, '200 cut'],
])('a connection that is reset %s ends at once', async (_what, bytes, expected) => {
  const outcome = await play(bytes, 'reset');
  expect(summary(outcome)).toBe(expected);
});

test('bytes that nobody asked for on an idle connection are not taken for the next answer', async () => {
  const hook = await rawHook({
    onRequest: (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 0${crlf}`);
      setTimeout(() => socket.write(`HTTP/1.1 410 Gone\r\ncontent-length: 0${crlf}`), 10);
    },
  });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  for (let round = 0; round < 5; round += 1) {
    const response = await client.post({ url: hook.url, headers: {}, body: Buffer.from('x'), timeoutMs });
    expect(response).toMatchObject({ kind: 'answered', status: 200 });
    await until(() => client.counts.open === 0, { what: 'the poisoned connection to close' });
  }
  await client.destroy();
  await hook.close();
});

test.each<[string, string, string]>([
  ['chunk extensions', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}1;`, 'x'.repeat(8192)],
  ['a reason phrase', 'HTTP/1.1 200 ', 'x'.repeat(8192)],
  ['tiny chunks', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked${crlf}`, '1\r\na\r\n'.repeat(1000)],
])('an endless flood of %s is cut off by its bytes, long before the deadline', async (_what, first, next) => {
  const hook = await rawHook({
    onRequest: (socket) => {
      socket.write(first);
      const more = (): void => {
        while (!socket.destroyed && socket.write(next));
      };
      socket.on('drain', more);
      more();
    },
  });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  const response = await client.post({ url: hook.url, headers: {}, body: Buffer.from('x'), timeoutMs: 30_000 });
  expect(response.durationMs).toBeLessThan(20_000);
  expect(response.kind === 'answered' ? response.bodyError : response.error).toBeDefined();
  await client.destroy();
  await hook.close();
});

test('no mutation of an answer makes a request hang or the process fall', async () => {
  const seeds = [
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11${crlf}{"a":"bcd"}`,
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\nkeep-alive: timeout=5${crlf}5\r\nhello\r\n0\r\nx: y${crlf}`,
    `HTTP/1.1 503 Busy\r\nretry-after: 10\r\nconnection: close${crlf}try later`,
    `HTTP/1.1 103 Early Hints${crlf}HTTP/1.0 200 OK${crlf}to the end`,
  ];
  const pieces = fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '\0',
    ':',
    ' ',
    '0',
    '9',
    'ffff',
    'chunked',
    'close',
    'HTTP/1.1 ',
    '\u00ff',
    ';',
    ',',
  );
  const edit = fc.record({ at: fc.nat(200), cut: fc.nat(12), put: fc.oneof(pieces, fc.constant('')) });
  const answer = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([seed, edits]) =>
      edits.reduce((text, { at, cut, put }) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + put + text.slice(from + cut);
      }, seed),
    );
  const scripts = fc.sample(fc.tuple(answer, fc.constantFrom('close', 'reset', 'stay')), { numRuns: 1500, seed: 42 });

  let next = 0;
  const hook = await rawHook({
    onRequest: (socket) => {
      const [bytes, ending] = scripts[next++ % scripts.length] ?? ['', 'close'];
      socket.write(bytes, 'latin1');
      if (ending === 'close') socket.end();
      if (ending === 'reset') socket.resetAndDestroy();
    },
  });
  const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, connectionsPerOrigin: 32 });
  let late = 0;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (next < scripts.length) {
        const { durationMs } = await client.post({ url: hook.url, headers: {}, body: Buffer.from('x'), timeoutMs: 50 });
        if (durationMs > 50 + slackMs) late += 1;
      }
    }),
  );
  expect(late).toBe(0);
  expect(client.counts).toMatchObject({ inFlight: 0, waiting: 0 });
  await client.destroy();
  expect(client.counts).toMatchObject({ open: 0 });
  await hook.close();
});
