import { HookClient, type HookClientOptions, type HookRequest, type HookResponse } from '@hookcast/egress';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { rawHook, type RawHook, type RawScript } from '../support/raw-hook.js';
import { until } from '../support/until.js';

const policy = { allow: ['127.0.0.0/8', '::1/128'] };
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (one) => one.close()));
});

function client(options: Partial<HookClientOptions> = {}): HookClient {
  const created = new HookClient({ policy, ...options });
  opened.push({ close: async () => created.destroy() });
  return created;
}

async function server(): Promise<HookServer> {
  const created = await hookServer();
  opened.push(created);
  return created;
}

async function raw(script: RawScript): Promise<RawHook> {
  const created = await rawHook(script);
  opened.push(created);
  return created;
}

const hello = Buffer.from('hello');
const request = (url: string, rest: Partial<HookRequest> = {}): HookRequest => ({
  url,
  headers: { 'content-type': 'text/plain' },
  body: hello,
  timeoutMs: 20_000,
  ...rest,
});

const answered = (response: HookResponse) => {
  if (response.kind !== 'answered') throw new Error(`not answered: ${response.error} ${response.log}`);
  return response;
};
const failed = (response: HookResponse) => {
  if (response.kind !== 'failed') throw new Error(`answered ${response.status}`);
  return response;
};
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('a request', () => {
  test('carries method, path, headers and the exact body, and returns status, headers and body', async () => {
    const hooks = await server();
    const body = Buffer.from([0, 1, 2, 254, 255, 13, 10]);
    hooks.answer({ status: 202, headers: { 'hookcast-verdict': 'drop', 'x-two': 'b' }, body: 'thanks' });
    const response = await client().post(
      request(`${hooks.url}/a/b?c=%20d`, { body, headers: { 'webhook-id': 'w1', 'content-type': 'application/x' } }),
    );
    expect(answered(response)).toMatchObject({ status: 202, headers: { 'hookcast-verdict': 'drop', 'x-two': 'b' } });
    expect(answered(response).body.toString()).toBe('thanks');
    expect(response.durationMs).toBeGreaterThan(0);
    const [received] = hooks.requests;
    expect(received).toMatchObject({
      method: 'POST',
      url: '/a/b?c=%20d',
      headers: { host: new URL(hooks.url).host, 'webhook-id': 'w1', 'content-length': '7' },
    });
    expect(received?.body.equals(body)).toBe(true);
  });

  test('may be OPTIONS or GET without a body', async () => {
    const hooks = await server();
    const http = client();
    const bare = async (method: 'OPTIONS' | 'GET') =>
      answered(await http.post(request(hooks.url, { method, body: Buffer.alloc(0) }))).status;
    expect([await bare('OPTIONS'), await bare('GET')]).toEqual([405, 204]);
    for (const [received] of [hooks.handshakes, hooks.requests]) {
      expect(received?.headers['content-length']).toBeUndefined();
    }
    expect(hooks.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  test('keeps repeated headers as arrays, and a header called __proto__ harmless', async () => {
    const hook = await raw({
      onRequest: (socket) =>
        socket.write(
          'HTTP/1.1 200 OK\r\nset-cookie: a\r\nSet-Cookie: b\r\n__proto__: x\r\n__proto__: y\r\ncontent-length: 0\r\n\r\n',
        ),
    });
    const { headers } = answered(await client().post(request(hook.url)));
    expect(headers['set-cookie']).toEqual(['a', 'b']);
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(({} as { x?: string }).x).toBeUndefined();
  });

  test('with a malformed or reserved header is not sent', async () => {
    const hooks = await server();
    const http = client();
    for (const headers of [{ 'x\r\nHost': 'evil' }, { 'x-a': 'b\r\nhost: evil' }, { Host: 'evil' }])
      expect(failed(await http.post(request(hooks.url, { headers }))).error).toBe('other');
    expect(hooks.requests).toEqual([]);
    expect(http.counts.open).toBe(0);
  });
});

describe('the deadline', () => {
  test.each<[string, RawScript]>([
    ['an answer that never begins', { onRequest: () => undefined }],
    ['a status line that never ends', { onRequest: (socket) => drip(socket, 'HTTP/1.1 200 ', 'x') }],
    ['headers that never end', { onRequest: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'a: b\r\n') }],
  ])('ends %s', async (_what, script) => {
    const hook = await raw(script);
    const http = client();
    const response = failed(await http.post(request(hook.url, { timeoutMs: 300 })));
    expect(response).toMatchObject({ error: 'timeout', requestSent: true });
    expect(response.durationMs).toBeGreaterThan(280);
    // Each byte would put off a limit on silence, for ever.
    expect(response.durationMs).toBeLessThan(15_000);
    await until(() => http.counts.open === 0, { what: 'the connection to close' });
  });

  test('ends a dripping body, whose status line counts', async () => {
    const hook = await raw({
      onRequest: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n', 'x'),
    });
    const http = client();
    const response = answered(await http.post(request(hook.url, { timeoutMs: 300 })));
    expect(response).toMatchObject({ status: 200, bodyError: expect.stringContaining('300 ms') });
    expect(response.body.length).toBeGreaterThan(0);
    // Each byte would put off a limit on silence, for ever.
    expect(response.durationMs).toBeLessThan(15_000);
    await until(() => http.counts.open === 0, { what: 'the connection to close' });
  });

  test('covers the wait for a free connection, and the request is never sent afterwards', async () => {
    const hooks = await server();
    hooks.answer({ hang: true });
    const http = client({ connectionsPerOrigin: 1 });
    const abort = new AbortController();
    const first = http.post(request(hooks.url, { timeoutMs: 60_000, signal: abort.signal }));
    await until(() => hooks.requests.length === 1);
    const second = failed(await http.post(request(`${hooks.url}/second`, { timeoutMs: 100 })));
    expect(second).toMatchObject({ error: 'timeout', requestSent: false });
    expect(http.counts.waiting).toBe(0);
    abort.abort();
    expect(failed(await first).error).toBe('aborted');
    expect(hooks.requests).toHaveLength(1);
  });

  test('covers a name lookup that never answers', async () => {
    const http = client({ resolver: { resolve: async () => new Promise(() => undefined) }, dnsTimeoutMs: 200 });
    const slow = failed(await http.post(request('http://never.example/', { timeoutMs: 30_000 })));
    expect(slow).toMatchObject({ error: 'dns', requestSent: false });
    expect(slow.durationMs).toBeLessThan(20_000);
    const short = failed(await http.post(request('http://never.example/', { timeoutMs: 50 })));
    expect(short.error).toBe('timeout');
  });

  test('lets an answer count that arrived while the process was busy', async () => {
    const hook = await raw({
      onRequest: (socket, _text, number) => {
        socket.write(ok);
        const busyUntil = number === 2 ? performance.now() + 150 : 0;
        while (performance.now() < busyUntil);
      },
    });
    const http = client();
    await http.post(request(hook.url));
    expect(answered(await http.post(request(hook.url, { timeoutMs: 100 }))).status).toBe(200);
  });

  test('an abort signal ends the request at once', async () => {
    const hooks = await server();
    hooks.answer({ hang: true });
    const http = client();
    const abort = new AbortController();
    const pending = http.post(request(hooks.url, { signal: abort.signal, timeoutMs: 10_000 }));
    await until(() => hooks.requests.length === 1);
    abort.abort();
    expect(failed(await pending)).toMatchObject({ error: 'aborted', requestSent: true });
    expect(failed(await http.post(request(hooks.url, { signal: abort.signal })))).toMatchObject({
      error: 'aborted',
      requestSent: false,
    });
    expect(hooks.requests).toHaveLength(1);
  });
});

test('a request that is aborted before it was written is never sent', async () => {
  const hook = await raw({ onRequest: (socket) => socket.write(ok) });
  const http = client();
  answered(await http.post(request(hook.url)));
  const abort = new AbortController();
  const pending = http.post(request(hook.url, { signal: abort.signal }));
  abort.abort();
  expect(failed(await pending)).toMatchObject({ error: 'aborted', requestSent: false });
  answered(await http.post(request(hook.url)));
  expect(hook.requests).toHaveLength(2);
});

describe('a body', () => {
  test('is stored up to 8 KiB and read up to 64 KiB', async () => {
    const hooks = await server();
    const whole = Buffer.alloc(65_536, 'abcdefgh');
    hooks.answer({ status: 200, body: whole });
    const http = client();
    const response = answered(await http.post(request(hooks.url)));
    expect(response.bodyError).toBeUndefined();
    expect(response.body.equals(whole.subarray(0, 8192))).toBe(true);
    expect(http.counts).toMatchObject({ open: 1, idle: 1 });
  });

  test('longer than 64 KiB is cut off, and the status line counts', async () => {
    const hooks = await server();
    hooks.answer({ status: 201, body: Buffer.alloc(65_537, 'x') });
    const http = client();
    const response = answered(await http.post(request(hooks.url)));
    expect(response).toMatchObject({ status: 201, bodyError: expect.stringContaining('65536') });
    expect(response.body).toHaveLength(8192);
    await until(() => http.counts.open === 0, { what: 'the connection to close' });
  });

  test('that never ends is cut off at the cap, long before the deadline', async () => {
    const hook = await raw({ onRequest: (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(4096)) });
    const response = answered(await client().post(request(hook.url, { timeoutMs: 30_000 })));
    expect(response.durationMs).toBeLessThan(20_000);
    expect(response.bodyError).toBeDefined();
  });

  test('cut short is reported, and the status line counts', async () => {
    const hook = await raw({
      onRequest: (socket) =>
        socket.end('HTTP/1.1 204 OK\r\n\r\n'.replace('204 OK', '200 OK\r\ncontent-length: 100') + 'abc'),
    });
    const response = answered(await client().post(request(hook.url)));
    expect(response).toMatchObject({ status: 200, bodyError: expect.any(String) });
    expect(response.body.toString()).toBe('abc');
  });

  test('that is gzip stays gzip', async () => {
    const hooks = await server();
    const bytes = Buffer.from('1f8b080000000000000003', 'hex');
    hooks.answer({ status: 200, headers: { 'content-encoding': 'gzip' }, body: bytes });
    expect(answered(await client().post(request(hooks.url))).body.equals(bytes)).toBe(true);
  });
});

describe('the pool', () => {
  test('uses one connection again and never more than its bound', async () => {
    const hook = await raw({ onRequest: (socket) => setTimeout(() => socket.write(ok), 5) });
    const http = client({ connectionsPerOrigin: 4 });
    for (let round = 0; round < 3; round += 1) expect(answered(await http.post(request(hook.url))).status).toBe(200);
    expect(hook.connections).toBe(1);
    const responses = await Promise.all(Array.from({ length: 50 }, async () => http.post(request(hook.url))));
    expect(responses.every((response) => response.kind === 'answered')).toBe(true);
    expect(hook.connections).toBe(4);
    expect(http.counts).toMatchObject({ origins: 1, open: 4, idle: 4, waiting: 0, inFlight: 0 });
  });

  test('keeps no connection that the hook wants closed, and none of HTTP/1.0', async () => {
    const heads = ['HTTP/1.1 200 OK\r\nconnection: close\r\n', 'HTTP/1.0 200 OK\r\n'];
    const hook = await raw({
      onRequest: (socket, _text, number) => socket.end(`${heads[number - 1] ?? heads[0]}\r\nok`),
    });
    const http = client();
    for (let round = 0; round < heads.length; round += 1)
      expect(answered(await http.post(request(hook.url)))).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(hook.connections).toBe(2);
  });

  test('closes idle connections after the keep-alive time, used or not', async () => {
    const hook = await raw({ onRequest: (socket) => socket.write(ok) });
    const http = client({ keepAliveMs: 100 });
    const givenUp = new AbortController();
    const unused = http.post(request(hook.url, { signal: givenUp.signal }));
    givenUp.abort();
    expect(failed(await unused).error).toBe('aborted');
    await until(() => http.counts.idle === 1, { what: 'the connection that nobody waits for any more' });
    await until(() => hook.open.size === 0, { what: 'the unused connection to close' });
    await Promise.all([http.post(request(hook.url)), http.post(request(hook.url))]);
    await until(() => http.counts.origins === 0 && hook.open.size === 0, { what: 'the connections to close' });
    expect(http.counts).toMatchObject({ origins: 0, open: 0, idle: 0 });
  });

  test('evicts the idle origin used longest ago when there are too many', async () => {
    const hooks = await Promise.all([1, 2, 3].map(async () => raw({ onRequest: (socket) => socket.write(ok) })));
    const http = client({ maxOrigins: 2 });
    for (const hook of hooks) expect(answered(await http.post(request(hook.url))).status).toBe(200);
    await until(() => hooks[0]?.open.size === 0, { what: 'the oldest connection to close' });
    expect(http.counts).toMatchObject({ origins: 2, open: 2 });
  });

  test('refuses a further origin while all are busy', async () => {
    const [busy, other] = [
      await raw({ onRequest: () => undefined }),
      await raw({ onRequest: (socket) => socket.write(ok) }),
    ];
    const http = client({ maxOrigins: 1 });
    const abort = new AbortController();
    const pending = http.post(request(busy.url, { timeoutMs: 60_000, signal: abort.signal }));
    await until(() => busy.requests.length === 1);
    expect(failed(await http.post(request(other.url)))).toMatchObject({ error: 'other', requestSent: false });
    abort.abort();
    await pending;
    await until(() => http.counts.origins === 0);
    expect(answered(await http.post(request(other.url))).status).toBe(200);
  });

  test('bounds the idle connections of all origins together', async () => {
    const hook = await raw({ onRequest: (socket) => socket.write(ok) });
    const http = client({ maxIdleConnections: 3 });
    await Promise.all(Array.from({ length: 10 }, async () => http.post(request(hook.url))));
    expect(http.counts.idle).toBeLessThanOrEqual(3);
    await until(() => http.counts.open <= 3);
  });

  test('counts an idle connection that the hook closes as gone', async () => {
    const hook = await raw({ onRequest: (socket) => socket.write(ok) });
    const http = client({ maxIdleConnections: 1 });
    for (let round = 0; round < 3; round += 1) {
      answered(await http.post(request(hook.url)));
      expect(http.counts.idle).toBe(1);
      for (const socket of hook.open) socket.destroy();
      await until(() => http.counts.open === 0);
    }
  });

  test('asks once for all that wait when a name is refused', async () => {
    let asked = 0;
    const resolver = { resolve: async () => (asked++, ['10.0.0.1']) };
    const http = client({ resolver, connectionsPerOrigin: 2 });
    const responses = await Promise.all(
      Array.from({ length: 10 }, async () => http.post(request('http://hook.example/'))),
    );
    expect(responses.map((response) => failed(response).error)).toEqual(Array(10).fill('blocked'));
    expect(asked).toBe(2);
  });

  test('waits for live connections when the hook takes no more of them', async () => {
    const hook = await raw({ onRequest: (socket) => setTimeout(() => socket.write(ok), 10) });
    const http = client();
    await Promise.all([http.post(request(hook.url)), http.post(request(hook.url))]);
    hook.stopListening();
    const responses = await Promise.all(Array.from({ length: 20 }, async () => http.post(request(hook.url))));
    expect(responses.map(({ kind }) => kind)).toEqual(Array(20).fill('answered'));
    expect(hook.connections).toBe(2);
  });

  test('reports every request once a hook refuses and no connection is left', async () => {
    const hook = await raw({});
    await hook.close();
    const http = client();
    const responses = await Promise.all(Array.from({ length: 200 }, async () => http.post(request(hook.url))));
    expect(new Set(responses.map((response) => failed(response).error))).toEqual(new Set(['refused']));
    expect(http.counts).toMatchObject({ origins: 0, opening: 0, waiting: 0 });
  });

  test('replaces a connection that has become old', async () => {
    const hook = await raw({ onRequest: (socket) => socket.write(ok) });
    const http = client({ maxConnectionAgeMs: 0 });
    await http.post(request(hook.url));
    await http.post(request(hook.url));
    expect(hook.connections).toBe(2);
  });

  test('leaks no socket over every kind of end', async () => {
    const scripts = [ok, 'HTTP/1.1 200 OK\r\n\r\n', 'nonsense\r\n\r\n', '', `${ok}surplus`];
    const hook = await raw({
      onRequest: (socket, _text, number) => {
        socket.write(scripts[number % scripts.length] ?? '');
        if (number % 3 === 0) socket.resetAndDestroy();
      },
    });
    const http = client({ keepAliveMs: 100 });
    await Promise.all(Array.from({ length: 200 }, async () => http.post(request(hook.url, { timeoutMs: 300 }))));
    await until(() => hook.open.size === 0 && http.counts.open === 0, { what: 'all connections to close' });
    expect(http.counts).toEqual({ origins: 0, open: 0, opening: 0, idle: 0, waiting: 0, inFlight: 0 });
  });

  test('close waits for what is in flight, destroy does not', async () => {
    const hooks = await server();
    hooks.respondWith(() => ({ status: 200, delayMs: 200 }));
    const http = client();
    const pending = http.post(request(hooks.url));
    await until(() => http.counts.open === 1);
    const closed = Promise.all([http.close(), http.close()]);
    expect(failed(await http.post(request(hooks.url))).error).toBe('aborted');
    expect(answered(await pending).status).toBe(200);
    await closed;
    expect(http.counts).toMatchObject({ open: 0, inFlight: 0 });

    const hard = client();
    const lost = [hard.post(request(hooks.url)), hard.post(request(hooks.url))];
    await until(() => hard.counts.open > 0);
    await hard.destroy();
    expect((await Promise.all(lost)).map((response) => failed(response).error)).toEqual(['aborted', 'aborted']);
    expect(hard.counts).toMatchObject({ open: 0, inFlight: 0 });
  });
});

describe('the keep-alive race', () => {
  test('a used connection that closes before any answer byte is told apart, and nothing is sent twice', async () => {
    const hook = await raw({
      onRequest: (socket, _text, number) => (number === 2 ? socket.resetAndDestroy() : socket.write(ok)),
    });
    const http = client();
    answered(await http.post(request(hook.url)));
    const race = failed(await http.post(request(hook.url)));
    expect(race).toMatchObject({ error: 'reset', reusedSocket: true, requestSent: true, answerStarted: false });
    expect(hook.requests).toHaveLength(2);
  });

  test('a fresh connection that closes is no race', async () => {
    const hook = await raw({ onRequest: (socket) => socket.destroy() });
    const fresh = failed(await client().post(request(hook.url)));
    expect(fresh).toMatchObject({ error: 'reset', reusedSocket: false, requestSent: true, answerStarted: false });
  });

  test('a used connection that closes within the answer is no race', async () => {
    const hook = await raw({
      onRequest: (socket, _text, number) => (number === 2 ? socket.end('HTTP/1.1 200 OK\r\nco') : socket.write(ok)),
    });
    const http = client();
    answered(await http.post(request(hook.url)));
    expect(failed(await http.post(request(hook.url)))).toMatchObject({ reusedSocket: true, answerStarted: true });
  });

  test.each(['end', 'resetAndDestroy'] as const)(
    'a request handed to an idle connection that turns out closed (%s) goes to another, unsent so far',
    async (close) => {
      const hook = await raw({ onRequest: (socket) => socket.write(ok) });
      const http = client();
      answered(await http.post(request(hook.url)));
      const [idle] = hook.open;
      // From the check phase, the close is read in the next poll phase: after the request was handed over, and before
      // the write that undici puts off to the next check phase.
      const response = await new Promise<HookResponse>((resolve) => {
        setImmediate(() => {
          idle?.[close]();
          void http.post(request(hook.url)).then(resolve);
        });
      });
      expect(answered(response).status).toBe(200);
      expect(hook.connections).toBe(2);
      expect(hook.requests).toHaveLength(2);
    },
  );
});

test('an answer before the whole request was sent counts, and its connection is not used again', async () => {
  const hook = await raw({
    onConnection: (socket, number) => {
      socket.pause();
      if (number === 1) socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
      else socket.write(ok);
    },
  });
  const http = client();
  const big = Buffer.alloc(16 * 1024 * 1024);
  expect(answered(await http.post(request(hook.url, { body: big, timeoutMs: 5000 }))).status).toBe(413);
  expect(answered(await http.post(request(hook.url, { timeoutMs: 5000 }))).status).toBe(200);
  expect(hook.connections).toBe(2);
});

test('a hook that answers early and closes without reading still gets its answer heard', async () => {
  const hook = await raw({
    onConnection: (socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.end('HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      });
    },
  });
  const response = await client().post(request(hook.url, { body: Buffer.alloc(8 * 1024 * 1024), timeoutMs: 5000 }));
  expect(answered(response).status).toBe(413);
});

function drip(socket: { write(text: string): boolean; destroyed: boolean }, first: string, next: string): void {
  socket.write(first);
  const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(next)), 20);
}

function flood(socket: import('node:net').Socket, first: string, next: string): void {
  socket.write(first);
  const more = (): void => {
    while (!socket.destroyed && socket.write(next));
  };
  socket.on('drain', more);
  more();
}
