import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { HookClient, type ForwardProxy, type HookClientOptions, type HookResponse } from '@hookcast/egress';
import { createAuthority } from '../support/certificates.js';
import { hookServer } from '../support/hook-server.js';
import { rawHook } from '../support/raw-hook.js';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** A forward proxy that tunnels whatever it is asked for to loopback, and remembers what that was. */
async function forwardProxy() {
  const asked: { authority: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = http.createServer().on('connect', (request: IncomingMessage, near: Socket) => {
    asked.push({ authority: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    const port = Number(/:(\d+)$/.exec(request.url ?? '')?.[1]);
    const upstream = net.connect(port, '127.0.0.1', () => near.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    for (const socket of [near, upstream]) sockets.add(socket.on('error', () => undefined));
    near.pipe(upstream).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return { asked, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function client(proxy: ForwardProxy, options: Partial<HookClientOptions> = {}): HookClient {
  const resolver = { resolve: async (host: string) => (host === 'inner.test' ? ['10.0.0.1'] : ['127.0.0.1']) };
  const created = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, resolver, proxy, ...options });
  opened.push({ close: async () => created.destroy() });
  return created;
}

const post = async (from: HookClient, url: string): Promise<HookResponse> =>
  from.post({ url, headers: {}, body: Buffer.from('x'), timeoutMs: 2000 });

test('asks the proxy for the judged address, and tells it the credentials', async () => {
  const proxy = await forwardProxy();
  const hooks = await hookServer();
  opened.push(hooks);
  const port = new URL(hooks.url).port;
  const from = client({ url: `http://me:p%40ss@${proxy.address}` });
  expect(await post(from, `http://hook.test:${port}/a`)).toMatchObject({ status: 204 });
  expect(await post(from, `http://hook.test:${port}/b`)).toMatchObject({ status: 204 });
  expect(proxy.asked).toEqual([
    { authority: `127.0.0.1:${port}`, authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
  ]);
  expect(hooks.requests.map(({ url, headers }) => [url, headers.host, headers['proxy-authorization']])).toEqual([
    ['/a', `hook.test:${port}`, undefined],
    ['/b', `hook.test:${port}`, undefined],
  ]);
});

test('judges before it asks the proxy', async () => {
  const proxy = await forwardProxy();
  const from = client({ url: `http://${proxy.address}` });
  for (const url of ['http://inner.test/', 'http://10.0.0.1/', 'http://169.254.169.254/', 'http://127.0.0.1:6379/'])
    expect(await post(from, url)).toMatchObject({ kind: 'failed', error: 'blocked' });
  expect(proxy.asked).toEqual([]);
});

test('leaves names to the proxy when told so, but never literals and metadata names', async () => {
  const proxy = await forwardProxy();
  const hooks = await hookServer();
  opened.push(hooks);
  const port = new URL(hooks.url).port;
  const from = client({ url: `http://${proxy.address}`, resolve: 'proxy' });
  expect(await post(from, `http://anything.test:${port}/`)).toMatchObject({ status: 204 });
  for (const url of ['http://10.0.0.1/', 'http://[::1]/', 'http://metadata.google.internal/', 'http://any.test:6379/'])
    expect(await post(from, url)).toMatchObject({ kind: 'failed', error: 'blocked' });
  expect(proxy.asked.map(({ authority }) => authority)).toEqual([`anything.test:${port}`]);
});

test('verifies the hook through the tunnel', async () => {
  const proxy = await forwardProxy();
  const authority = createAuthority();
  const server = https.createServer(authority.issue({ names: ['hook.test'] }), (incoming, response) => {
    incoming.resume().on('end', () => response.end('ok'));
  });
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({ close: () => server.closeAllConnections() }, server);
  const { port } = server.address() as AddressInfo;
  const from = client({ url: `http://${proxy.address}` }, { tls: { ca: authority.cert } });
  expect(await post(from, `https://hook.test:${port}/`)).toMatchObject({ status: 200 });
  expect(await post(from, `https://other.test:${port}/`)).toMatchObject({ kind: 'failed', error: 'tls' });
});

test.each<[string, string, string]>([
  ['refuses', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n', 'refused'],
  ['wants other credentials', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'refused'],
  ['talks nonsense', 'hello\r\n\r\n', 'refused'],
  ['sends bytes after its answer', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'reset'],
  ['never ends its headers', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(20_000)}`, 'reset'],
  ['says nothing', '', 'timeout'],
])('a proxy that %s is a failure of its own kind', async (_what, bytes, error) => {
  const proxy = await rawHook({ onRequest: (socket) => void socket.write(bytes) });
  opened.push(proxy);
  const from = client({ url: proxy.url }, { connectTimeoutMs: 200 });
  const response = await post(from, 'http://hook.test:8080/');
  expect(response).toMatchObject({ kind: 'failed', error, requestSent: false });
  expect(from.counts).toMatchObject({ origins: 0, open: 0, opening: 0 });
});

test('a malformed proxy URL stops the program', () => {
  for (const url of ['', 'proxy:3128', 'https://proxy:3128', 'http://proxy/path', 'socks5://proxy'])
    expect(() => new HookClient({ policy: { allow: [] }, proxy: { url } })).toThrow(/egress proxy/);
});
