import {
  HookClient,
  type EgressPolicy,
  type HookClientOptions,
  type HookResponse,
  type Resolver,
} from '@hookcast/egress';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { rawHook } from '../support/raw-hook.js';
import { trapSockets, type SocketTrap } from '../support/socket-trap.js';

/* Nothing here leaves the machine: the trap stops every connect that is not to loopback, after recording it. */
const publicAddress = '93.184.215.14';
const publicIpv6 = '2606:4700::1111';
let trap: SocketTrap;
let hooks: HookServer;
const clients: HookClient[] = [];

beforeEach(async () => {
  hooks = await hookServer();
  trap = trapSockets();
});
afterEach(async () => {
  trap.release();
  await Promise.all(clients.splice(0).map(async (one) => one.destroy()));
  await hooks.close();
});

function client(policy: EgressPolicy, options: Partial<HookClientOptions> = {}): HookClient {
  const created = new HookClient({ policy, ...options });
  clients.push(created);
  return created;
}

const post = async (http: HookClient, url: string, timeoutMs = 1000) =>
  http.post({ url, headers: {}, body: Buffer.from('x'), timeoutMs });

const outcome = (response: HookResponse) =>
  response.kind === 'answered'
    ? String(response.status)
    : `${response.error}${response.rule ? ` (${response.rule})` : ''}`;

/** Answers from the list, one entry per lookup, the last one for ever. */
function scripted(...answers: string[][]): Resolver & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolve: async (host) => {
      asked.push(host);
      return answers[Math.min(asked.length, answers.length) - 1] ?? [];
    },
  };
}

describe('forbidden targets', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://%31%32%37.0.0.1/',
    'http://0/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://10.0.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://localhost/',
    'http://a.localhost/',
    'http://LOCALHOST./',
  ])('no socket is opened for %s', async (url) => {
    const response = await post(client({ allow: [] }), url);
    expect(response).toMatchObject({ kind: 'failed', error: 'blocked', requestSent: false });
    expect(trap.targets).toEqual([]);
  });

  test('public addresses are connected to, and nothing but them', async () => {
    const http = client({ allow: [] }, { resolver: scripted([publicAddress]) });
    expect(outcome(await post(http, 'http://hooks.example/'))).toBe('refused');
    expect(outcome(await post(http, `http://${publicAddress}:8080/`))).toBe('refused');
    expect(outcome(await post(http, `http://[${publicIpv6}]/`))).toBe('refused');
    expect(trap.targets).toEqual([`${publicAddress}:80`, `${publicAddress}:8080`, `${publicIpv6}:80`]);
  });

  test('metadata stays shut when everything is allowed', async () => {
    const http = client({ allow: ['0.0.0.0/0', '::/0', '*.example'] }, { resolver: scripted(['169.254.169.254']) });
    expect(outcome(await post(http, 'http://a.example/'))).toBe('blocked (link-local)');
    expect(outcome(await post(http, 'http://169.254.170.2/'))).toBe('blocked (link-local)');
    expect(outcome(await post(http, 'http://metadata.google.internal/'))).toBe('blocked (metadata)');
    expect(trap.targets).toEqual([]);
  });

  test('a redirect is an answer like any other', async () => {
    hooks.answer({ status: 307, headers: { location: 'http://169.254.169.254/latest/' } });
    expect(outcome(await post(client({ allow: ['127.0.0.0/8'] }), hooks.url))).toBe('307');
    expect(trap.targets).toHaveLength(1);
  });
});

describe('names', () => {
  test.each<[string, string[]]>([
    ['a private address', ['10.0.0.1']],
    ['a public IPv4 and a private IPv6 address', [publicAddress, 'fd12::1']],
    ['a public IPv6 and a loopback IPv4 address', [publicIpv6, '127.0.0.1']],
    ['many public addresses and one private', [...Array<string>(20).fill(publicAddress), '192.168.0.1']],
    ['a mapped private address', ['::ffff:10.0.0.1']],
    ['a NAT64 address of a private one', ['64:ff9b::a00:1']],
    ['something that is no address', [publicAddress, '127.1']],
    ['a name instead of an address', ['localhost']],
    ['an address with a zone', ['fe80::1%eth0']],
  ])('that resolve to %s are refused without a socket', async (_what, answer) => {
    const http = client({ allow: [] }, { resolver: scripted(answer) });
    expect(outcome(await post(http, 'http://hooks.example/'))).toMatch(/^blocked/);
    expect(trap.targets).toEqual([]);
  });

  test('without an address fail as dns', async () => {
    const http = client({ allow: [] }, { resolver: scripted([]) });
    expect(outcome(await post(http, 'http://hooks.example/'))).toBe('dns');
    const broken = client({ allow: [] }, { resolver: { resolve: async () => Promise.reject(new Error('broken')) } });
    expect(outcome(await post(broken, 'http://hooks.example/'))).toBe('dns');
  });

  test('that are rebound from good to bad never lead to the bad address', async () => {
    const port = new URL(hooks.url).port;
    const resolver = scripted([publicAddress], ['127.0.0.1'], [publicAddress], ['10.0.0.1', publicAddress]);
    const http = client({ allow: [] }, { resolver });
    const outcomes = [];
    for (let round = 0; round < 4; round += 1)
      outcomes.push(outcome(await post(http, `http://rebind.example:${port}/`)));
    expect(outcomes).toEqual(['refused', 'blocked (loopback)', 'refused', 'blocked (private)']);
    expect(trap.targets).toEqual([`${publicAddress}:${port}`, `${publicAddress}:${port}`]);
    expect(hooks.requests).toEqual([]);
  });

  test('are looked up once per connection, so the judged answer is the one connected to', async () => {
    const port = new URL(hooks.url).port;
    const resolver = scripted(['127.0.0.1'], ['10.0.0.1']);
    const http = client({ allow: ['127.0.0.0/8'] }, { resolver });
    expect(outcome(await post(http, `http://rebind.example:${port}/`))).toBe('204');
    expect(resolver.asked).toEqual(['rebind.example']);
    expect(trap.targets).toEqual([`127.0.0.1:${port}`]);
    expect(hooks.requests[0]?.headers.host).toBe(`rebind.example:${port}`);
  });

  test('below an allowed suffix may resolve to private addresses, others may not', async () => {
    const port = new URL(hooks.url).port;
    const http = client({ allow: ['*.svc.test', `billing:${port}`] }, { resolver: scripted(['127.0.0.1']) });
    expect(outcome(await post(http, `http://orders.svc.test:${port}/`))).toBe('204');
    expect(outcome(await post(http, `http://billing:${port}/`))).toBe('204');
    expect(outcome(await post(http, `http://evil-svc.test:${port}/`))).toBe('blocked (loopback)');
    expect(outcome(await post(http, `http://orders.svc.test.evil.example:${port}/`))).toBe('blocked (loopback)');
  });

  test('localhost uses whichever of its two addresses is allowed', async () => {
    const port = new URL(hooks.url).port;
    expect(outcome(await post(client({ allow: ['127.0.0.0/8'] }), `http://localhost:${port}/`))).toBe('204');
    expect(trap.targets).toEqual([`127.0.0.1:${port}`]);
  });

  test('with several good addresses are tried one after the other', async () => {
    const port = new URL(hooks.url).port;
    const http = client({ allow: ['127.0.0.0/8', '::1/128'] }, { resolver: scripted(['::1', '127.0.0.1']) });
    expect(outcome(await post(http, `http://two.example:${port}/`))).toBe('204');
    expect(trap.targets).toEqual([`127.0.0.1:${port}`, `::1:${port}`]);
  });
});

describe("the broker's own services", () => {
  test('are refused by literal, by name and by every name that resolves to them', async () => {
    const port = Number(new URL(hooks.url).port);
    const resolver: Resolver = {
      resolve: async (host) => (host === 'db' || host === 'alias.example' ? ['127.0.0.2'] : ['127.0.0.1']),
    };
    const http = client({ allow: ['127.0.0.0/8'], deny: [{ host: 'db', port }] }, { resolver });
    expect(outcome(await post(http, `http://db:${port}/`))).toBe('blocked (own-service)');
    expect(outcome(await post(http, `http://alias.example:${port}/`))).toBe('blocked (own-service)');
    expect(outcome(await post(http, `http://127.0.0.2:${port}/`))).toBe('blocked (own-service)');
    expect(outcome(await post(http, `http://[::ffff:127.0.0.2]:${port}/`))).toBe('blocked (own-service)');
    expect(trap.targets).toEqual([]);
    expect(outcome(await post(http, `http://other.example:${port}/`))).toBe('204');
  });

  test('on all interfaces are refused on every address of this machine', async () => {
    const port = Number(new URL(hooks.url).port);
    const http = client({ allow: ['127.0.0.0/8', '::1/128'], deny: [{ host: '0.0.0.0', port }] });
    for (const host of ['127.0.0.1', '127.8.9.10', 'localhost', '[::1]'])
      expect(outcome(await post(http, `http://${host}:${port}/`))).toBe('blocked (own-service)');
    expect(trap.targets).toEqual([]);
  });

  test('whose name cannot be resolved shut their port on every private address', async () => {
    const port = Number(new URL(hooks.url).port);
    const resolver: Resolver = {
      resolve: async (host) => (host === 'db' ? Promise.reject(new Error('gone')) : ['127.0.0.1']),
    };
    const http = client({ allow: ['127.0.0.0/8'], deny: [{ host: 'db', port }] }, { resolver });
    expect(outcome(await post(http, `http://127.0.0.1:${port}/`))).toBe('blocked (own-service)');
  });
});

test('a connection whose peer is not the judged address is closed before a byte is sent', async () => {
  const bytes: Buffer[] = [];
  const other = await rawHook({ onConnection: (socket) => socket.on('data', (chunk) => bytes.push(chunk)) });
  trap.treat(() => ({ insteadAt: '127.0.0.1' }));
  const http = client({ allow: ['127.0.0.2/32'] });
  const response = await post(http, `http://127.0.0.2:${other.port}/`);
  expect(response).toMatchObject({ kind: 'failed', error: 'blocked', rule: 'peer', requestSent: false });
  expect(http.counts.open).toBe(0);
  expect(bytes).toEqual([]);
  await other.close();
});

test('closed, filtered and forbidden addresses are told apart in the log only', async () => {
  const http = client({ allow: ['127.0.0.0/8'] }, { connectTimeoutMs: 100 });
  const closed = await rawHook({});
  await closed.close();
  const responses = [await post(http, `http://127.0.0.1:${closed.port}/`)];
  trap.treat(() => 'hang');
  responses.push(
    await post(http, 'http://127.0.0.9:8080/'),
    await post(http, 'http://127.0.0.9:8081/', 50),
    await post(http, 'http://10.0.0.1:8080/'),
    await post(http, 'http://127.0.0.1:6379/'),
  );
  const failures = responses.flatMap((response) => (response.kind === 'failed' ? [response] : []));
  expect(failures.map(({ error }) => error)).toEqual(['refused', 'timeout', 'timeout', 'blocked', 'blocked']);
  expect(new Set(failures.map(({ detail }) => detail)).size).toBe(1);
  expect(new Set(failures.map(({ log }) => log)).size).toBe(5);
  for (const { detail } of failures) expect(detail).not.toMatch(/\d|private|loopback|port|refused|timed/i);
});

test('proxies and switches in the environment have no effect', async () => {
  const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = 'http://127.0.0.1:9';
  try {
    expect(outcome(await post(client({ allow: ['127.0.0.0/8'] }), hooks.url))).toBe('204');
    expect(trap.targets).toEqual([`127.0.0.1:${new URL(hooks.url).port}`]);
  } finally {
    for (const [index, name] of names.entries()) {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    }
  }
});

test('a hook URL can be checked for registration without a connection', async () => {
  const resolver: Resolver = {
    resolve: async (host) => {
      if (host === 'gone.example') throw new Error('gone');
      return host === 'inner.example' ? ['10.0.0.1'] : [publicAddress];
    },
  };
  const http = client({ allow: [] }, { resolver });
  expect(await http.check('https://hooks.example/a')).toMatchObject({ kind: 'ok' });
  expect(await http.check('https://inner.example/a')).toMatchObject({ kind: 'refused', rule: 'private' });
  expect(await http.check('ftp://hooks.example/a')).toMatchObject({ kind: 'refused', rule: 'scheme' });
  expect(await http.check('https://gone.example/a')).toMatchObject({ kind: 'unresolved' });
  expect(trap.targets).toEqual([]);
});
