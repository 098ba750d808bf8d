import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { HookClient, type HookClientOptions, type HookResponse, type HookTls } from '@hookcast/egress';
import { createAuthority } from '../support/certificates.js';

const authority = createAuthority();
const stranger = createAuthority('Another authority');
const ca = authority.cert;
const resolver = { resolve: async () => ['127.0.0.1'] };
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

interface Greeting {
  protocol: string | null;
  servername: string | false | null;
  client: string | undefined;
}

async function secureHook(
  options: https.ServerOptions,
): Promise<{ port: number; greetings: Greeting[]; sockets: Set<unknown> }> {
  const greetings: Greeting[] = [];
  const sockets = new Set<unknown>();
  const server = https.createServer(options, (incoming, response) => {
    const socket = incoming.socket as TLSSocket & { servername: string | false };
    sockets.add(socket);
    const subject = socket.getPeerCertificate().subject;
    greetings.push({ protocol: socket.getProtocol(), servername: socket.servername, client: subject?.CN as string });
    incoming.resume().on('end', () => response.end('ok'));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return { port: (server.address() as AddressInfo).port, greetings, sockets };
}

function client(options: Partial<HookClientOptions> = {}): HookClient {
  const created = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, resolver, ...options });
  opened.push({ close: async () => created.destroy() });
  return created;
}

const post = async (http: HookClient, url: string, tls?: HookTls, timeoutMs = 3000): Promise<HookResponse> =>
  http.post({ url, headers: {}, body: Buffer.from('x'), timeoutMs, ...(tls && { tls }) });
const outcome = (response: HookResponse) =>
  response.kind === 'answered'
    ? String(response.status)
    : `${response.error} ${/\(([A-Z_0-9]+)\)/.exec(response.detail)?.[1]}`;

test('accepts a certificate of an authority that the subscription brings, over TLS 1.3, with the name in SNI', async () => {
  const hook = await secureHook(authority.issue({ names: ['hook.test'] }));
  const http = client();
  expect(outcome(await post(http, `https://hook.test:${hook.port}/`, { ca }))).toBe('200');
  expect(outcome(await post(http, `https://hook.test:${hook.port}/`, { ca }))).toBe('200');
  expect(hook.greetings[0]).toMatchObject({ protocol: 'TLSv1.3', servername: 'hook.test' });
  expect(hook.sockets.size).toBe(1);
});

test('the authority of one subscription is trusted for no other', async () => {
  const hook = await secureHook(authority.issue({ names: ['hook.test'] }));
  const http = client();
  expect(outcome(await post(http, `https://hook.test:${hook.port}/`, { ca }))).toBe('200');
  expect(outcome(await post(http, `https://hook.test:${hook.port}/`))).toBe('tls UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(outcome(await post(http, `https://hook.test:${hook.port}/`, { ca: stranger.cert }))).toMatch(/^tls /);
  expect(hook.greetings).toHaveLength(1);
});

test.each<[string, Parameters<typeof authority.issue>[0], string]>([
  ['for another name', { names: ['other.test'] }, 'tls ERR_TLS_CERT_ALTNAME_INVALID'],
  ['that has expired', { names: ['hook.test'], notAfter: new Date(Date.now() - 86_400_000) }, 'tls CERT_HAS_EXPIRED'],
  ['for the address instead of the name', { addresses: ['127.0.0.1'] }, 'tls ERR_TLS_CERT_ALTNAME_INVALID'],
])('refuses a certificate %s', async (_what, options, expected) => {
  const hook = await secureHook(authority.issue(options));
  expect(outcome(await post(client(), `https://hook.test:${hook.port}/`, { ca }))).toBe(expected);
  expect(hook.greetings).toEqual([]);
});

test('checks the address of a literal against the certificate', async () => {
  const hook = await secureHook(authority.issue({ addresses: ['127.0.0.1'] }));
  const http = client({ tls: { ca } });
  expect(outcome(await post(http, `https://127.0.0.1:${hook.port}/`))).toBe('200');
  expect(hook.greetings[0]?.servername).toBeFalsy();
  const named = await secureHook(authority.issue({ names: ['hook.test'] }));
  expect(outcome(await post(http, `https://127.0.0.1:${named.port}/`))).toBe('tls ERR_TLS_CERT_ALTNAME_INVALID');
});

test('verifies although NODE_TLS_REJECT_UNAUTHORIZED=0 is set', async () => {
  const hook = await secureHook(stranger.issue({ names: ['hook.test'] }));
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    expect(outcome(await post(client(), `https://hook.test:${hook.port}/`))).toMatch(/^tls /);
  } finally {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  }
  expect(hook.greetings).toEqual([]);
});

test('speaks TLS 1.2, and nothing older', async () => {
  const issued = authority.issue({ names: ['hook.test'] });
  const modern = await secureHook({ ...issued, maxVersion: 'TLSv1.2' });
  expect(outcome(await post(client(), `https://hook.test:${modern.port}/`, { ca }))).toBe('200');
  expect(modern.greetings[0]?.protocol).toBe('TLSv1.2');
  const old = await secureHook({
    ...issued,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  expect(outcome(await post(client(), `https://hook.test:${old.port}/`, { ca }))).toMatch(/^tls /);
  expect(old.greetings).toEqual([]);
});

test('shows the client certificate of the subscription, and never shares its connection', async () => {
  const hook = await secureHook({
    ...authority.issue({ names: ['hook.test'] }),
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const [first, second] = [authority.issue({ names: ['first'] }), authority.issue({ names: ['second'] })];
  const http = client();
  const url = `https://hook.test:${hook.port}/`;
  expect(outcome(await post(http, url, { ca, ...first }))).toBe('200');
  expect(outcome(await post(http, url, { ca, ...second }))).toBe('200');
  expect(hook.greetings.map((greeting) => greeting.client)).toEqual(['first', 'second']);
  expect(hook.sockets.size).toBe(2);
  expect(await post(http, url, { ca })).toMatchObject({ kind: 'failed' });
  expect(hook.greetings).toHaveLength(2);
});

test('unusable certificates and keys are a tls failure, not an exception', async () => {
  const http = client();
  const { key } = authority.issue({ names: ['a'] });
  const { cert } = authority.issue({ names: ['b'] });
  for (const tls of [{ ca: 'nonsense' }, { cert: 'nonsense', key }, { cert, key }])
    expect(await post(http, 'https://hook.test/', tls)).toMatchObject({ kind: 'failed', error: 'tls' });
  expect(http.counts).toMatchObject({ origins: 0, inFlight: 0 });
});

test('a hook without TLS on its port fails as tls, one that never answers the handshake as timeout', async () => {
  const plain = net.createServer((socket) =>
    socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  const silent = net.createServer((socket) => socket.on('error', () => undefined));
  for (const server of [plain, silent]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push(server);
  }
  const http = client({ connectTimeoutMs: 200 });
  const portOf = (server: net.Server) => (server.address() as AddressInfo).port;
  expect(await post(http, `https://hook.test:${portOf(plain)}/`)).toMatchObject({ error: 'tls' });
  expect(await post(http, `https://hook.test:${portOf(silent)}/`)).toMatchObject({
    error: 'timeout',
    requestSent: false,
  });
  await http.destroy();
});
